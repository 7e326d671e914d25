/** Label values of one sample; names and values come from closed sets, never digests, peers or repositories. */
export type MetricLabels = Readonly<Record<string, string>>

/** A value that only grows. */
export interface Counter {
  add(amount: number, labels?: MetricLabels): void
  /** The sum since the start of the process over all samples that have these labels, for reports. */
  value(labels?: MetricLabels): number
}

/** A distribution, in the base unit that its name ends with. */
export interface Histogram {
  observe(value: number, labels?: MetricLabels): void
}

/** What a metric is called and what an operator reads from it. */
export interface MetricDefinition<
  Labels extends Readonly<Record<string, readonly string[]>> = Readonly<Record<string, readonly string[]>>,
> {
  /** Without the prefix `layermesh_`; ends in its base unit, counters in `_total`. */
  readonly name: string
  readonly help: string
  /** Label names with all their values; each combination is exported from the start, with 0. */
  readonly labels?: Labels
}

/** Where parts register what they count. */
export interface Metrics {
  counter(definition: MetricDefinition): Counter
  /** A value that is read at each scrape, once for each combination of labels. */
  gauge(definition: MetricDefinition, read: (labels: MetricLabels) => number): void
  histogram(definition: MetricDefinition, buckets: readonly number[]): Histogram
}
