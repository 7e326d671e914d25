/**
 * The snapshot protocol, `/layermesh/holdings/1.0.0`: one stream gives a client all that the server holds.
 *
 * ```
 * client:  *( ask )                close
 * server:          *( part ) end
 * ```
 *
 * - Each `ask` is answered by one `part`, or by `end` when there is no more. So the server sends no faster than the
 *   client takes it.
 * - All parts together are the holdings at the moment of the first `ask`, as they are after the delta that `end`
 *   names or a later one: to apply the deltas after it brings the client up to date.
 * - A frame is one byte for its type, then a CBOR map; unknown fields are ignored, everything else ends the stream.
 *
 * | type | frame | fields |
 * |---|---|---|
 * | 1 | ask | |
 * | 2 | part | added: list of [digest, sizeBytes], at most 3,000 |
 * | 3 | end | epoch, sequence, as in holdings-messages.ts |
 */
import { decode, encode } from 'cborg'
import { PeerProtocolError, type Frame } from '@layermesh/interface'
import { z } from 'zod'
import { holdingSchema, holdingToWire, natural } from './holdings-schema.ts'
import type { Holding } from './holdings-table.ts'

/** The protocol's id on the wire. */
export const SNAPSHOT_PROTOCOL = '/layermesh/holdings/1.0.0'

/** Most holdings of one part; with SHA-512 digests they are still less than {@link MAX_SNAPSHOT_FRAME_BYTES}. */
export const MAX_PART_HOLDINGS = 3000

/** Longest frame that is read, in bytes. */
export const MAX_SNAPSHOT_FRAME_BYTES = 256 * 1024

const CODES = { ask: 1, part: 2, end: 3 } as const

const frameSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ask') }),
  z.object({ type: z.literal('part'), added: z.array(holdingSchema).max(MAX_PART_HOLDINGS) }),
  z.object({ type: z.literal('end'), epoch: natural, sequence: natural }),
])

/** Any frame of the protocol. */
export type SnapshotFrame = z.infer<typeof frameSchema>

/** "Give me the next part." */
export const ASK_FRAME: Frame = encodeFrame('ask', {})

/** "These are among what I hold." */
export function partFrame(holdings: readonly Holding[]): Frame {
  return encodeFrame('part', { added: holdings.map(holdingToWire) })
}

/** "That was all, and it is as new as this delta." */
export function endFrame(position: { readonly epoch: number; readonly sequence: number }): Frame {
  return encodeFrame('end', { epoch: position.epoch, sequence: position.sequence })
}

/** Reads a frame. Throws ERR_PEER_PROTOCOL for anything that is none. */
export function decodeSnapshotFrame(frame: Frame): SnapshotFrame {
  if (frame.length > MAX_SNAPSHOT_FRAME_BYTES) {
    throw new PeerProtocolError(`a snapshot frame of ${frame.length} bytes is too long`)
  }
  try {
    const type = Object.entries(CODES).find(([, code]) => code === frame[0])?.[0]
    const body = z.looseObject({}).parse(decode(frame.subarray(1), { rejectDuplicateMapKeys: true }))
    return frameSchema.parse({ ...body, type })
  } catch (cause) {
    throw new PeerProtocolError("a snapshot frame that can't be read", { cause })
  }
}

function encodeFrame(type: keyof typeof CODES, body: object): Frame {
  return Buffer.concat([Uint8Array.of(CODES[type]), encode(body)])
}
