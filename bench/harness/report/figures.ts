import type { Spread } from '../../support/statistics.ts'
import { spreadOver, type RunSummary } from '../measures/summary.ts'
import type { LinkKind } from '../topology/network-plan.ts'

const MiB = 1024 ** 2

/** A column of the tables. */
export interface Figure {
  readonly title: string
  readonly of: (summary: RunSummary) => number | undefined
  readonly digits: number
  /** Whether contenders are compared by it; the less the better. */
  readonly compared?: boolean
  /** Whether it is what the contender's own processes use. */
  readonly isCost?: boolean
}

/** What tables show of each contender, in this order. */
export const FIGURES: readonly Figure[] = [
  { title: 'upstream MiB', of: ({ upstreamBytes }) => upstreamBytes / MiB, digits: 1 },
  { title: 'upstream ×', of: ({ upstreamRatio }) => upstreamRatio, digits: 2, compared: true },
  { title: 'region ×', of: linkRatio('region'), digits: 2, compared: true },
  { title: 'site ×', of: linkRatio('site'), digits: 2, compared: true },
  { title: 'node ×', of: linkRatio('node'), digits: 2, compared: true },
  { title: 'makespan s', of: ({ makespanMs }) => makespanMs / 1000, digits: 2, compared: true },
  { title: 'of bound ×', of: ({ makespanRatio }) => makespanRatio, digits: 2 },
  { title: 'p50 s', of: ({ pullMs }) => pullMs && pullMs.p50 / 1000, digits: 2, compared: true },
  { title: 'p99 s', of: ({ pullMs }) => pullMs && pullMs.p99 / 1000, digits: 2, compared: true },
  { title: 'max s', of: ({ pullMs }) => pullMs && pullMs.max / 1000, digits: 2 },
  { title: 'first byte p50 ms', of: ({ firstByteMs }) => firstByteMs?.p50, digits: 0, compared: true },
  {
    title: 'CPU s/GiB',
    of: ({ cpuSecondsPerGiB }) => cpuSecondsPerGiB,
    digits: 1,
    compared: true,
    isCost: true,
  },
  {
    title: 'peak MiB',
    of: ({ peakMemoryBytes }) => peakMemoryBytes / MiB,
    digits: 0,
    compared: true,
    isCost: true,
  },
  { title: 'failed', of: ({ failedPulls }) => failedPulls, digits: 0, compared: true },
  { title: 'verified', of: ({ verifiedDigests }) => verifiedDigests, digits: 0 },
]

function linkRatio(kind: LinkKind): Figure['of'] {
  return ({ links }) => {
    const link = links.find((one) => one.kind === kind)
    return link === undefined || link.optimumBytes === 0 ? undefined : link.contentBytes / link.optimumBytes
  }
}

/** A figure over the repeats: the median, and the ends in brackets where they differ. */
export function figureText(summaries: readonly RunSummary[], { of, digits }: Figure): string {
  const spread = spreadOver(summaries, of)
  return spread === undefined ? '–' : spreadText(spread, digits)
}

function spreadText({ median, min, max }: Spread, digits: number): string {
  const [middle, least, most] = [median, min, max].map((value) => value.toFixed(digits))
  return least === most ? (middle ?? '') : `${middle ?? ''} (${least ?? ''}–${most ?? ''})`
}
