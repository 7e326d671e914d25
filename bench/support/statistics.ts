/** The middle of several values, and the ends. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** The middle value, or the mean of the two middle ones. Throws for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.floor((sorted.length - 1) / 2)]
  if (upper === undefined || lower === undefined) throw new RangeError('no values')
  return (lower + upper) / 2
}

/** The least value that at least `part` of the values don't exceed (nearest rank). Throws for no values. */
export function percentile(values: readonly number[], part: number): number {
  const value = values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(part * values.length) - 1)]
  if (value === undefined) throw new RangeError('no values')
  return value
}

/** Throws for no values. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}
