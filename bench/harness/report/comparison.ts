import { spreadOver, type RunSummary } from '../measures/summary.ts'
import type { ContenderResult, ScenarioResult } from '../run-scenario.ts'
import { FIGURES, figureText, type Figure } from './figures.ts'

/** What is compared with the others. */
const OWN = 'layermesh'

/** Medians that are closer than this to each other are the same: figures of the same contender differ as much from one run to the next. */
const TOLERANCE = 0.05

/** A figure in which another contender is better. */
export interface Behind {
  readonly scenario: string
  readonly figure: Figure
  readonly own: string
  readonly other: string
  readonly otherText: string
}

/** Lists where layermesh is not the best, by the medians over the repeats; of several better ones, the best. */
export function whereBehind(scenarios: readonly ScenarioResult[]): Behind[] {
  return scenarios.flatMap(({ scenario, contenders }) => {
    const own = contenders.find(({ contender }) => contender === OWN)
    if (own === undefined) return []
    const others = contenders.filter((one) => one !== own)
    return FIGURES.filter(({ compared }) => compared).flatMap((figure) => {
      const ownMedian = medianOf(own, figure)
      const [best] = others
        .map((other) => ({ other, median: medianOf(other, figure) }))
        .filter(({ other, median }) => isBetter(median, ownMedian) && isComparable(other, figure))
        .toSorted((a, b) => (a.median ?? 0) - (b.median ?? 0))
      if (best === undefined) return []
      const text = ({ summaries }: ContenderResult) => figureText(summaries, figure)
      return [{ scenario, figure, own: text(own), other: best.other.contender, otherText: text(best.other) }]
    })
  })
}

/** The median of a figure over the repeats; undefined when there is none. */
export function medianOf({ summaries }: { readonly summaries: readonly RunSummary[] }, { of }: Figure) {
  return spreadOver(summaries, of)?.median
}

/** All figures are better when they are less. Who lacks one, or fails where the other doesn't, is not better. */
function isBetter(median: number | undefined, own: number | undefined): boolean {
  if (median === undefined) return false
  return own === undefined || median < own * (1 - TOLERANCE)
}

/** Who has no process has nothing to use time and memory; who fails pulls has no times for them. */
function isComparable(result: ContenderResult, figure: Figure): boolean {
  if (figure.isCost === true) return result.summaries.every(({ peakMemoryBytes }) => peakMemoryBytes > 0)
  return figure.title === 'failed' || result.summaries.every(({ failedPulls }) => failedPulls === 0)
}
