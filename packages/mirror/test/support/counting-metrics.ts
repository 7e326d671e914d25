import type { Counter, Histogram, MetricDefinition, MetricLabels, Metrics } from '@layermesh/interface'

/** Metrics that a test can read, and that refuse a label outside its definition. */
export class CountingMetrics implements Metrics {
  readonly #counts = new Map<string, number>()

  /** The sum of a counter, or the number of observations of a histogram. */
  valueOf(name: string, labels: MetricLabels = {}): number {
    return this.#counts.get(keyOf(name, labels)) ?? 0
  }

  counter(definition: MetricDefinition): Counter {
    return {
      add: (amount, labels = {}) => this.#add(definition, amount, labels),
      value: (labels) => this.valueOf(definition.name, labels),
    }
  }

  histogram(definition: MetricDefinition): Histogram {
    return { observe: (_value, labels = {}) => this.#add(definition, 1, labels) }
  }

  gauge(): void {}

  #add({ name, labels: allowed = {} }: MetricDefinition, amount: number, labels: MetricLabels): void {
    for (const [label, values] of Object.entries(allowed)) {
      const value = labels[label]
      if (value === undefined || !values.includes(value)) {
        throw new Error(`${name} has no ${label}="${String(value)}"`)
      }
    }
    const key = keyOf(name, labels)
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + amount)
  }
}

function keyOf(name: string, labels: MetricLabels): string {
  return JSON.stringify([name, ...Object.entries(labels).sort()])
}
