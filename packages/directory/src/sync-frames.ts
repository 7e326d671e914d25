/**
 * The sync protocol, `/layermesh/holdings-sync/1.0.0`: on one stream a client brings its view of one account up to date
 * with what the server knows of it.
 *
 * ```
 * client:  ask                  *( next )                 close
 * server:       ( unknown | end | part )  ... ( end )
 * ```
 *
 * - `ask` and each `next` are answered by one `part`, or by `end` when there is no more. So the server sends no faster
 *   than the client takes it.
 * - Only buckets are sent whose fingerprint differs from the client's, in the order of their indexes, each as a whole and
 *   never in two parts. What the client has in them besides is no longer so.
 * - The account is then as it is after the delta that `end` names, or a later one: to apply the deltas after it brings
 *   the client up to date.
 * - A frame is one byte for its type, then a CBOR map; unknown fields are ignored, everything else ends the stream.
 *
 * | type | frame | fields |
 * |---|---|---|
 * | 1 | ask | peer or region: whose account; buckets: the client's fingerprints, 8 bytes for each of 2^n buckets, n at most 12 |
 * | 2 | next | |
 * | 3 | part | bits: n; buckets: list of [index, list of [peer, list of [hash, sizeBytes]]] |
 * | 4 | end | epoch, sequence, as in holdings-messages.ts |
 * | 5 | unknown | the server doesn't know the account well enough |
 */
import { decode, encode } from 'cborg'
import { MAX_FRAME_BYTES, PeerProtocolError, type Frame, type PeerId } from '@layermesh/interface'
import { z } from 'zod'
import type { Claim, Holding } from './claim.ts'
import { MAX_BUCKET_BITS } from './fingerprint.ts'
import { bucketsSchema, bucketsToBytes } from './fingerprint-bytes.ts'
import { holdingSchema, natural, peerSchema } from './holdings-schema.ts'
import type { SyncAsk, SyncReply } from './sync-conversation.ts'

/** The protocol's id on the wire. */
export const SYNC_PROTOCOL = '/layermesh/holdings-sync/1.0.0'

const CODES = { ask: 1, next: 2, part: 3, end: 4, unknown: 5 } as const

const claimsSchema = z
  .array(z.tuple([peerSchema, z.array(holdingSchema)]))
  .transform((holders) =>
    holders.flatMap(([peer, held]) => held.map(([hash, sizeBytes]): Claim => ({ peer, hash, sizeBytes }))),
  )

const frameSchema = z.discriminatedUnion('type', [
  z
    .object({
      type: z.literal('ask'),
      peer: peerSchema.optional(),
      region: z.string().optional(),
      buckets: bucketsSchema,
    })
    .transform(({ peer, region, buckets }, context): { readonly kind: 'ask' } & SyncAsk => {
      if (peer !== undefined) return { kind: 'ask', account: { kind: 'node', peer }, buckets }
      if (region !== undefined) return { kind: 'ask', account: { kind: 'region', region }, buckets }
      context.addIssue('neither a peer nor a region')
      return z.NEVER
    }),
  z.object({ type: z.literal('next') }).transform(() => ({ kind: 'next' }) as const),
  z
    .object({
      type: z.literal('part'),
      bits: natural.max(MAX_BUCKET_BITS),
      buckets: z.array(z.tuple([natural, claimsSchema])).min(1),
    })
    .refine(({ bits, buckets }) => buckets.every(([index]) => index < 1 << bits))
    .transform(({ bits, buckets }) => ({ kind: 'part', bits, buckets }) as const),
  z
    .object({ type: z.literal('end'), epoch: natural, sequence: natural })
    .transform(({ epoch, sequence }) => ({ kind: 'end', epoch, sequence }) as const),
  z.object({ type: z.literal('unknown') }).transform(() => ({ kind: 'unknown' }) as const),
])

/** Any frame of the protocol. */
export type SyncFrame = z.infer<typeof frameSchema>

/** "Give me the next part." */
export const NEXT_FRAME: Frame = encodeFrame('next', {})

/** Writes a client's question. */
export function askFrame({ account, buckets }: SyncAsk): Frame {
  const whose = account.kind === 'node' ? { peer: account.peer } : { region: account.region }
  return encodeFrame('ask', { ...whose, buckets: bucketsToBytes(buckets) })
}

/** Writes a server's reply. */
export function replyFrame(reply: SyncReply): Frame {
  const { kind, ...fields } = reply
  if (reply.kind !== 'part') return encodeFrame(kind, fields)
  const buckets = reply.buckets.map(([index, claims]) => [index, byHolder(claims)])
  return encodeFrame(kind, { bits: reply.bits, buckets })
}

/** Reads a frame. Throws ERR_PEER_PROTOCOL for anything that is none. */
export function decodeSyncFrame(frame: Frame): SyncFrame {
  if (frame.length > MAX_FRAME_BYTES) {
    throw new PeerProtocolError(`a sync frame of ${frame.length} bytes is too long`)
  }
  try {
    const type = Object.entries(CODES).find(([, code]) => code === frame[0])?.[0]
    const body = z.looseObject({}).parse(decode(frame.subarray(1), { rejectDuplicateMapKeys: true }))
    return frameSchema.parse({ ...body, type })
  } catch (cause) {
    throw new PeerProtocolError("a sync frame that can't be read", { cause })
  }
}

function byHolder(claims: readonly Claim[]): [PeerId, Holding[]][] {
  return [...Map.groupBy(claims, ({ peer }) => peer)].map(([peer, held]) => [
    peer,
    held.map(({ hash, sizeBytes }): Holding => [hash, sizeBytes]),
  ])
}

function encodeFrame(type: keyof typeof CODES, body: object): Frame {
  return Buffer.concat([Uint8Array.of(CODES[type]), encode(body)])
}
