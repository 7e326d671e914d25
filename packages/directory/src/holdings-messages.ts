/**
 * What is gossiped about holdings: each node speaks of its own on the topic of its region, and one node of each region
 * speaks of the region's on the topic of the cluster. A message is a CBOR map:
 *
 * | field | meaning |
 * |---|---|
 * | version | 1; messages of another version are ignored |
 * | kind | `delta`; another kind is ignored |
 * | epoch | a number that the author picks at random when it begins to speak |
 * | sequence | the delta's number, from 1 on, without gaps |
 * | changes | list of [peer, list of [hash, sizeBytes] that it holds now, list of hashes that it doesn't any more] |
 *
 * A delta says what changed since the delta before it, at most 1,000 changes; to apply one twice does no harm. What
 * is lost or out of order shows as a gap in the sequence or as another fingerprint, at the latest at the author's next
 * heartbeat (holdings-beat.ts), and is made good by comparing buckets (sync-frames.ts). Unknown fields are ignored.
 */
import { decode, encode } from 'cborg'
import { PeerProtocolError, type PeerId } from '@layermesh/interface'
import { z } from 'zod'
import type { Holding } from './claim.ts'
import { hashSchema, holdingSchema, natural, peerSchema } from './holdings-schema.ts'

/** The topic on which regions are spoken for. */
export const CLUSTER_TOPIC = '/layermesh/holdings/1/cluster'

/** The topic on which the nodes of a region speak for themselves. */
export function regionTopic(region: string): string {
  return `/layermesh/holdings/1/region/${encodeURIComponent(region)}`
}

/** Most changes that one delta carries. */
export const MAX_DELTA_CHANGES = 1000

/** Longest message that is read, in bytes: a full delta of SHA-512 digests of as many holders fits. */
export const MAX_MESSAGE_BYTES = 256 * 1024

const VERSION = 1
const KIND = 'delta'

/** What has changed with one holder. */
export interface HolderChanges {
  readonly peer: PeerId
  readonly added: readonly Holding[]
  /** Hashes. */
  readonly removed: readonly Uint8Array[]
}

/** What has changed since the author's delta before. */
export interface HoldingsDelta {
  readonly kind: 'delta'
  readonly epoch: number
  readonly sequence: number
  readonly changes: readonly HolderChanges[]
}

/** A message that this version has no use for. */
interface UnknownHoldingsMessage {
  readonly kind: 'unknown'
  readonly version: number
}

/** Any message of the topics. */
export type HoldingsMessage = HoldingsDelta | UnknownHoldingsMessage

const changesSchema = z
  .tuple([
    peerSchema,
    z.array(holdingSchema).max(MAX_DELTA_CHANGES),
    z.array(hashSchema).max(MAX_DELTA_CHANGES),
  ])
  .transform(([peer, added, removed]): HolderChanges => ({ peer, added, removed }))

const deltaSchema = z.object({
  kind: z.literal(KIND),
  epoch: natural,
  sequence: natural.min(1),
  changes: z.array(changesSchema).max(MAX_DELTA_CHANGES).refine(isShort),
})

const envelopeSchema = z.object({ version: natural, kind: z.string() })

/** Writes a message. */
export function encodeHoldingsMessage(message: HoldingsDelta): Uint8Array {
  const changes = message.changes.map(({ peer, added, removed }) => [peer, added, removed])
  return encode({ version: VERSION, ...message, changes })
}

/** Reads a message. Throws ERR_PEER_PROTOCOL for bytes that are none. */
export function decodeHoldingsMessage(bytes: Uint8Array): HoldingsMessage {
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw new PeerProtocolError(`a holdings message of ${bytes.length} bytes is too long`)
  }
  try {
    const body: unknown = decode(bytes, { rejectDuplicateMapKeys: true })
    const { version, kind } = envelopeSchema.parse(body)
    if (version !== VERSION || kind !== KIND) return { kind: 'unknown', version }
    return deltaSchema.parse(body)
  } catch (cause) {
    throw new PeerProtocolError("a holdings message that can't be read", { cause })
  }
}

function isShort(changes: readonly HolderChanges[]): boolean {
  const count = changes.reduce((sum, { added, removed }) => sum + added.length + removed.length, 0)
  return count <= MAX_DELTA_CHANGES
}
