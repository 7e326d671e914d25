import type { PeerId } from '@layermesh/interface'
import type { Bucket, Claim } from './claim.ts'
import { bucketBitsFor, differingBuckets } from './fingerprint.ts'
import { bucketBitsOf } from './fingerprint-bytes.ts'
import type { HoldingsPosition } from './account-state.ts'

/** Claims after which a part is sent. */
export const PART_CLAIMS = 4000

/** Which account is to be compared: a node's own, or what a region says of its nodes. */
export type AccountName =
  { readonly kind: 'node'; readonly peer: PeerId } | { readonly kind: 'region'; readonly region: string }

/** "This is what I have, bucket by bucket: where does it differ from what you know?" */
export interface SyncAsk {
  readonly account: AccountName
  /** Two words for each bucket. */
  readonly buckets: Uint32Array
}

/** All that is claimed in some buckets. */
export interface SyncPart {
  readonly kind: 'part'
  readonly bits: number
  readonly buckets: readonly (readonly [index: number, claims: readonly Claim[]])[]
}

/** "That was all; the deltas after this one bring you up to date." */
interface SyncEnd extends HoldingsPosition {
  readonly kind: 'end'
}

/** "I don't know it well enough myself." */
interface SyncUnknown {
  readonly kind: 'unknown'
}

/** One answer to an ask; `part`s come until one of the others ends it. */
export type SyncReply = SyncPart | SyncEnd | SyncUnknown

/** An account as its owner, or whoever knows it well, can give it to others. */
export interface SyncSource {
  readonly position: HoldingsPosition
  readonly count: number
  buckets(bits: number): Uint32Array
  claimsIn(bucket: Bucket): readonly Claim[]
}

/**
 * Answers an ask, one reply for each time that the asker wants one. Buckets are read as late as they are sent. A later
 * one may contain what came after the position; the asker applies that again, which does no harm.
 */
export function* answerSync(
  source: SyncSource | undefined,
  { buckets }: SyncAsk,
): Generator<SyncReply, void> {
  if (source === undefined) {
    yield { kind: 'unknown' }
    return
  }
  const { epoch, sequence } = source.position
  const askedBits = bucketBitsOf(buckets)
  const differing = differingBuckets(buckets, source.buckets(askedBits))
  // Who has nothing yet can't know how fine the buckets should be.
  const bits = Math.max(askedBits, bucketBitsFor(source.count))
  let part: [number, readonly Claim[]][] = []
  let claims = 0
  for (const bucket of differing) {
    for (let index = bucket << (bits - askedBits); index < (bucket + 1) << (bits - askedBits); index += 1) {
      const found = source.claimsIn({ bits, index })
      part.push([index, found])
      claims += found.length
      if (claims < PART_CLAIMS) continue
      yield { kind: 'part', bits, buckets: part }
      part = []
      claims = 0
    }
  }
  if (part.length > 0) yield { kind: 'part', bits, buckets: part }
  yield { kind: 'end', epoch, sequence }
}
