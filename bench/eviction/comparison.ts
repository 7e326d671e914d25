import type { ReplayResult } from './replay.ts'
import { spreadOf, type Spread } from '../support/statistics.ts'

/** What one replay has shown. */
export interface Sample extends ReplayResult {
  readonly seed: number
  readonly policy: string
  /** The budget of a node as a part of all that it pulls. */
  readonly budgetPart: number
}

/** One line of the comparison: a policy with a budget, over all seeds. */
export interface ComparedPolicy {
  readonly policy: string
  readonly budgetPart: number
  /** Part of the requested bytes that were in the node's own cache. */
  readonly byteHitRatio: Spread
  readonly refetchedBytes: Spread
  readonly weightedRefetchedBytes: Spread
  /** The same as a part of what LRU had to fetch again. */
  readonly weightedRefetchedOfLru: Spread
  /** Everything that was fetched, weighted, as a part of what it was with LRU. */
  readonly weightedFetchedOfLru: Spread
  readonly upstreamBytes: Spread
  readonly worldBytes: Spread
  readonly lastCopiesLost: Spread
  readonly lastCopyBytesMissed: Spread
}

/** Sums up samples by budget and policy, in the order in which they came. LRU must be among the policies. */
export function compare(samples: readonly Sample[]): ComparedPolicy[] {
  const groups = Map.groupBy(samples, ({ policy, budgetPart }) => `${budgetPart} ${policy}`)
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const spread = (of: (sample: Sample) => number) => spreadOf(group.map(of))
    const ofLru = (of: (sample: Sample) => number) =>
      spread((sample) => of(sample) / of(lruOf(samples, sample)))
    return [
      {
        policy: first.policy,
        budgetPart: first.budgetPart,
        byteHitRatio: spread((sample) => sample.bytesBySource.cache / sample.requestedBytes),
        refetchedBytes: spread((sample) => sample.refetchedBytes),
        weightedRefetchedBytes: spread((sample) => sample.weightedRefetchedBytes),
        weightedRefetchedOfLru: ofLru((sample) => sample.weightedRefetchedBytes),
        weightedFetchedOfLru: ofLru((sample) => sample.weightedFetchedBytes),
        upstreamBytes: spread((sample) => sample.bytesBySource.upstream),
        worldBytes: spread((sample) => sample.bytesBySource.world),
        lastCopiesLost: spread((sample) => sample.lastCopiesLost),
        lastCopyBytesMissed: spread((sample) => sample.lastCopyBytesMissed),
      },
    ]
  })
}

/** The replay of the same trace with the same budget by LRU. */
function lruOf(samples: readonly Sample[], { seed, budgetPart }: Sample): Sample {
  const found = samples.find(
    (sample) => sample.policy === 'LRU' && sample.seed === seed && sample.budgetPart === budgetPart,
  )
  if (found === undefined) throw new RangeError(`no replay by LRU for seed ${seed}`)
  return found
}
