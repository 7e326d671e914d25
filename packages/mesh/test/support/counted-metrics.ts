import type { Counter, MetricDefinition, MetricLabels, Metrics } from '@layermesh/interface'

/** Metrics that a test can look at. */
export class CountedMetrics implements Metrics {
  readonly #counts = new Map<string, number>()
  readonly #gauges = new Map<string, (labels: MetricLabels) => number>()

  counter({ name }: MetricDefinition): Counter {
    const keyOf = (labels: MetricLabels = {}) => `${name} ${JSON.stringify(labels)}`
    return {
      add: (amount, labels) => {
        this.#counts.set(keyOf(labels), amount + (this.#counts.get(keyOf(labels)) ?? 0))
      },
      value: (labels) => this.#counts.get(keyOf(labels)) ?? 0,
    }
  }

  gauge({ name }: MetricDefinition, read: (labels: MetricLabels) => number): void {
    this.#gauges.set(name, read)
  }

  histogram(): never {
    throw new Error('the mesh has no histograms')
  }

  /** What a counter with these labels has come to. */
  count(name: string, labels: MetricLabels): number {
    return this.counter({ name, help: '' }).value(labels)
  }

  /** What a gauge says now. */
  read(name: string): number | undefined {
    return this.#gauges.get(name)?.({})
  }
}
