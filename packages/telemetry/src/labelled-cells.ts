import type { MetricDefinition, MetricLabels } from '@layermesh/interface'

/** One combination of label values, and what is kept for it. */
export interface Cell<Content> {
  readonly labels: MetricLabels
  readonly content: Content
}

/**
 * A cell for each combination of the label values that a metric declares; one cell for a metric without labels.
 * Looking up a combination that isn't declared is a mistake in the program and throws a TypeError: an open label
 * set would let the series grow without bound.
 */
export class LabelledCells<Content> {
  readonly #metric: string
  readonly #names: readonly string[]
  readonly #cells: ReadonlyMap<string, Cell<Content>>

  constructor({ name, labels = {} }: MetricDefinition, create: (labels: MetricLabels) => Content) {
    this.#metric = name
    this.#names = Object.keys(labels)
    const cells = combinationsOf(labels).map((each) => ({ labels: each, content: create(each) }))
    this.#cells = new Map(cells.map((cell) => [this.#keyOf(cell.labels), cell]))
  }

  /** The content of one combination. */
  get(labels: MetricLabels): Content {
    const cell = this.#cells.get(this.#keyOf(labels))
    if (cell === undefined || Object.keys(labels).length !== this.#names.length) {
      throw new TypeError(`the metric ${this.#metric} doesn't declare the labels ${JSON.stringify(labels)}`)
    }
    return cell.content
  }

  /** All cells whose labels have the given values; those that aren't given may have any. */
  matching(labels: MetricLabels): readonly Cell<Content>[] {
    const wanted = Object.entries(labels)
    return this.all().filter((cell) => wanted.every(([name, value]) => cell.labels[name] === value))
  }

  all(): readonly Cell<Content>[] {
    return [...this.#cells.values()]
  }

  #keyOf(labels: MetricLabels): string {
    return this.#names.map((name) => labels[name]).join('\n')
  }
}

function combinationsOf(labels: NonNullable<MetricDefinition['labels']>): readonly MetricLabels[] {
  return Object.entries(labels).reduce<readonly MetricLabels[]>(
    (combinations, [name, values]) =>
      combinations.flatMap((combination) => values.map((value) => ({ ...combination, [name]: value }))),
    [{}],
  )
}
