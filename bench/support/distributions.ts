/** Random numbers in [0, 1). */
export type Random = () => number

/** A whole number from `min` to `max`, both included, all as likely. */
export function wholeNumber(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1))
}

/** One of `values`, all as likely. Throws for none. */
export function oneOf<T>(random: Random, values: readonly T[]): T {
  const value = values[Math.floor(random() * values.length)]
  if (value === undefined) throw new RangeError('no values')
  return value
}

/** A wait until the next event of a Poisson process with this mean interval. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random())
}

/** A positive number whose logarithm is normal: half are below `median`; nine in ten below `median * exp(1.28 * sigma)`. */
export function logNormal(random: Random, median: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return median * Math.exp(sigma * normal)
}

/**
 * Draws from values that are ordered by popularity: the k-th is drawn with a probability that is proportional to
 * k ^ -exponent (Zipf). What it gives throws for no values.
 */
export function zipf(random: Random, exponent: number): <T>(values: readonly T[]) => T {
  /** For each number of values, the sums of their weights. */
  const sums = new Map<number, Float64Array>()
  return (values) => {
    let cumulative = sums.get(values.length)
    if (cumulative === undefined) sums.set(values.length, (cumulative = zipfSums(values.length, exponent)))
    const wanted = random() * (cumulative.at(-1) ?? 0)
    const value = values[cumulative.findIndex((sum) => sum > wanted)]
    if (value === undefined) throw new RangeError('no values')
    return value
  }
}

function zipfSums(count: number, exponent: number): Float64Array {
  let sum = 0
  return new Float64Array(count).map((_, index) => (sum += (index + 1) ** -exponent))
}

/** The values in random order, as a new array. */
export function shuffled<T>(random: Random, values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, key: random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ value }) => value)
}
