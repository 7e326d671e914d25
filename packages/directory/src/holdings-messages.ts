/**
 * What nodes gossip about their holdings, on the topic `/layermesh/holdings/1`. A message is a CBOR map:
 *
 * | field | in | meaning |
 * |---|---|---|
 * | version | all | 1; messages of another version are ignored |
 * | kind | all | `delta` or `heartbeat`; another kind is ignored |
 * | epoch | all | a number that the author picks at random when it starts |
 * | sequence | all | of a delta: its own number, from 1 on, without gaps; of a heartbeat: the last delta's, 0 before the first |
 * | added | delta | list of [digest, sizeBytes]; a digest is the bytes of its hash, 32 for SHA-256, 64 for SHA-512 |
 * | removed | delta | list of digests |
 * | count | heartbeat | how many blobs the author holds after that delta |
 *
 * A delta says what changed since the delta before it, at most 1,000 changes; to apply one twice does no harm. What
 * is lost or out of order shows as a gap in the sequence, at the latest at the next heartbeat, and is made good by a
 * snapshot (snapshot-frames.ts). Unknown fields are ignored.
 */
import { decode, encode } from 'cborg'
import { PeerProtocolError, type Digest } from '@layermesh/interface'
import { z } from 'zod'
import { digestToBytes } from './digest-bytes.ts'
import { digestSchema, holdingSchema, holdingToWire, natural } from './holdings-schema.ts'
import type { Holding } from './holdings-table.ts'

/** The topic that holdings are gossiped on. */
export const HOLDINGS_TOPIC = '/layermesh/holdings/1'

/** Most changes that one delta carries. */
export const MAX_DELTA_CHANGES = 1000

/** Longest message that is read, in bytes: a full delta of SHA-512 digests fits. */
export const MAX_MESSAGE_BYTES = 128 * 1024

const VERSION = 1

/** Changes of the author's holdings since its delta before. */
export interface HoldingsDelta {
  readonly kind: 'delta'
  readonly epoch: number
  readonly sequence: number
  readonly added: readonly Holding[]
  readonly removed: readonly Digest[]
}

/** How far the author's deltas have come. */
export interface HoldingsHeartbeat {
  readonly kind: 'heartbeat'
  readonly epoch: number
  readonly sequence: number
  readonly count: number
}

/** A message that this version has no use for. */
interface UnknownHoldingsMessage {
  readonly kind: 'unknown'
  readonly version: number
}

/** Any message of the topic. */
export type HoldingsMessage = HoldingsDelta | HoldingsHeartbeat | UnknownHoldingsMessage

const messageSchema = z.discriminatedUnion('kind', [
  z
    .object({
      kind: z.literal('delta'),
      epoch: natural,
      sequence: natural.min(1),
      added: z.array(holdingSchema).max(MAX_DELTA_CHANGES),
      removed: z.array(digestSchema).max(MAX_DELTA_CHANGES),
    })
    .refine(({ added, removed }) => added.length + removed.length <= MAX_DELTA_CHANGES),
  z.object({ kind: z.literal('heartbeat'), epoch: natural, sequence: natural, count: natural }),
])

const envelopeSchema = z.object({ version: natural, kind: z.string() })

const KNOWN_KINDS: readonly string[] = ['delta', 'heartbeat']

/** Writes a message. */
export function encodeHoldingsMessage(message: HoldingsDelta | HoldingsHeartbeat): Uint8Array {
  if (message.kind === 'heartbeat') return encode({ version: VERSION, ...message })
  const { added, removed } = message
  return encode({
    version: VERSION,
    ...message,
    added: added.map(holdingToWire),
    removed: removed.map(digestToBytes),
  })
}

/** Reads a message. Throws ERR_PEER_PROTOCOL for bytes that are none. */
export function decodeHoldingsMessage(bytes: Uint8Array): HoldingsMessage {
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw new PeerProtocolError(`a holdings message of ${bytes.length} bytes is too long`)
  }
  try {
    const body: unknown = decode(bytes, { rejectDuplicateMapKeys: true })
    const { version, kind } = envelopeSchema.parse(body)
    if (version !== VERSION || !KNOWN_KINDS.includes(kind)) return { kind: 'unknown', version }
    return messageSchema.parse(body)
  } catch (cause) {
    throw new PeerProtocolError("a holdings message that can't be read", { cause })
  }
}
