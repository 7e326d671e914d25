import type { Counter, Histogram, MetricDefinition, Metrics } from '@layermesh/interface'
import * as prometheus from 'prom-client'
import { LabelledCells } from './labelled-cells.ts'

const PREFIX = 'layermesh_'

/** What parts count, and the way out of it. */
export interface PrometheusMetrics extends Metrics {
  /** All metrics in Prometheus' text format. */
  text(): Promise<string>
  /** Content type of {@link PrometheusMetrics.text}. */
  readonly contentType: string
}

/**
 * Metrics of one node in a registry of its own, and beside them those of the process under prom-client's standard
 * names (`process_…`, `nodejs_…`), which ready-made dashboards know. Registering a name twice is an error.
 */
export function createMetrics(): PrometheusMetrics {
  const registry = new prometheus.Registry()
  prometheus.collectDefaultMetrics({ register: registry })
  return {
    counter: (definition) => createCounter(registry, definition),
    gauge(definition, read) {
      const cells = new LabelledCells(definition, (labels) => () => read(labels)).all()
      new prometheus.Gauge({
        ...configurationOf(registry, definition),
        collect() {
          for (const { labels, content } of cells) this.set(labels, content())
        },
      })
    },
    histogram: (definition, buckets) => createHistogram(registry, definition, buckets),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

function configurationOf(registry: prometheus.Registry, { name, help, labels = {} }: MetricDefinition) {
  return { name: PREFIX + name, help, labelNames: Object.keys(labels), registers: [registry] }
}

// prom-client tells a counter's value only asynchronously, so the sums are kept here and handed over at each scrape.
function createCounter(registry: prometheus.Registry, definition: MetricDefinition): Counter {
  const cells = new LabelledCells(definition, () => ({ sum: 0 }))
  new prometheus.Counter({
    ...configurationOf(registry, definition),
    collect() {
      this.reset()
      for (const { labels, content } of cells.all()) this.inc(labels, content.sum)
    },
  })
  return {
    add(amount, labels = {}) {
      if (!(amount >= 0)) throw new TypeError(`${definition.name} can not grow by ${amount}`)
      cells.get(labels).sum += amount
    },
    value: (labels = {}) => cells.matching(labels).reduce((sum, { content }) => sum + content.sum, 0),
  }
}

function createHistogram(
  registry: prometheus.Registry,
  definition: MetricDefinition,
  buckets: readonly number[],
): Histogram {
  const histogram = new prometheus.Histogram({
    ...configurationOf(registry, definition),
    buckets: [...buckets],
  })
  const cells = new LabelledCells(definition, (labels) => {
    histogram.zero(labels)
    return histogram.labels(labels)
  })
  return { observe: (value, labels = {}) => cells.get(labels).observe(value) }
}
