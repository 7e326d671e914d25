/**
 * The blob protocol, `/layermesh/blob/1.0.0`: one stream moves one blob or manifest from a server, which has it or is
 * getting it, to a client, which pulls it piece by piece.
 *
 * ```
 * client:  open            *( want )                       close
 * server:       opened | refuse      *( piece-reply )
 *
 * opened      = *( wait ) head
 * piece-reply = *( wait ) piece *( wait | data )           data: as many bytes as `piece` says
 *             | ... refuse                                 at any point, and then nothing more
 * ```
 *
 * - A frame is one byte for its type, then a CBOR map; `data` has raw bytes instead, 1 to 1 MiB of them. The carrier
 *   delimits frames and keeps their order; the grammar asks nothing else of it.
 * - The client has at most two `want` outstanding; a third is an error. Replies come in the order of the wants,
 *   without being interleaved. So the server never holds more than the client has asked for.
 * - The server says `wait` at a fixed interval for as long as it has nothing else to say: a client that hears
 *   nothing at all for longer knows that the server is dead, not slow.
 * - A piece is complete when it has its length and its SHA-256; the end of the stream means nothing. The client
 *   closes its side when it wants no more.
 * - Unknown fields are ignored. An unknown type, a frame out of turn or a value out of its bounds ends the stream.
 *
 * | type | frame | fields |
 * |---|---|---|
 * | 1 | open | kind `manifest` or `blob`, upstream, repository, digest, access? `anonymous` or `login`, confirmed?, leadScope? `site`, `region` or `world`, heldPieces?, pausedMs?, refusedBy?, partial? |
 * | 2 | head | sizeBytes, pieceBytes, complete, availablePieces? |
 * | 3 | refuse | reason: see `refusals.ts`, message, retryAfterMs? |
 * | 4 | want | index |
 * | 5 | piece | index, sizeBytes, sha256 |
 * | 6 | data | (raw bytes) |
 * | 7 | wait | |
 */
import { LINK_CLASSES, PeerProtocolError, type Frame, type PeerId } from '@layermesh/interface'
import { z } from 'zod'
import { contentSchema } from './content-schema.ts'
import { MAX_REFUSED_BY, type TransferRequest } from './transfer-request.ts'
import { decodeFrame, encodeFrame, type DecodedFrame } from './frame-codec.ts'
import { isSaneGrid, MAX_PIECE_BYTES, pieceSizeBytes, type PieceGrid } from './piece-grid.ts'
import { refusalBody, refusalSchema, type RefusalDetails, type RefusalReason } from './refusals.ts'
import { WAIT_KIND } from './wait-frames.ts'

/** The protocol's id on the wire. */
export const BLOB_PROTOCOL = '/layermesh/blob/1.0.0'

/** Most bytes that a data frame carries. */
export const MAX_DATA_BYTES = 1024 * 1024

/** Most pieces that a client has asked for and not yet received. */
export const MAX_OUTSTANDING = 2

/** Longest time that a peer is believed to say of upstream's pauses, in milliseconds. */
const MAX_PAUSE_MS = 900_000

const SHA256_BYTES = 32
const DATA_CODE = 6

const natural = z.int().nonnegative()
/** A peer id as text (https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md); it is only compared. */
const peerSchema = z
  .string()
  .min(1)
  .max(128)
  .transform((peer) => peer as PeerId)

const KINDS = {
  open: {
    code: 1,
    schema: z.object({
      kind: z.enum(['manifest', 'blob']),
      upstream: contentSchema.upstream,
      repository: contentSchema.repository,
      digest: contentSchema.digest,
      access: contentSchema.access,
      confirmed: z.boolean().optional(),
      leadScope: z.enum(LINK_CLASSES).optional(),
      heldPieces: natural.optional(),
      pausedMs: natural.max(MAX_PAUSE_MS).optional(),
      refusedBy: z.array(peerSchema).max(MAX_REFUSED_BY).optional(),
      partial: z.boolean().optional(),
    }),
  },
  head: {
    code: 2,
    schema: z
      .object({
        sizeBytes: natural,
        pieceBytes: natural,
        complete: z.boolean(),
        availablePieces: natural.optional(),
      })
      .refine(isSaneGrid, 'content is not cut like this'),
  },
  refuse: { code: 3, schema: refusalSchema },
  want: { code: 4, schema: z.object({ index: natural }) },
  piece: {
    code: 5,
    schema: z.object({
      index: natural,
      sizeBytes: z.int().positive().max(MAX_PIECE_BYTES),
      sha256: z.instanceof(Uint8Array).refine((hash) => hash.length === SHA256_BYTES),
    }),
  },
  wait: WAIT_KIND,
}

/** Raw bytes of a piece. */
interface DataFrame {
  readonly type: 'data'
  readonly bytes: Uint8Array
}

/** Any frame of the protocol. */
export type BlobFrame = DecodedFrame<typeof KINDS> | DataFrame

/** Reads a frame; the bytes of `data` are a view. Throws ERR_PEER_PROTOCOL for anything else than a frame. */
export function decodeBlobFrame(frame: Frame): BlobFrame {
  if (frame[0] !== DATA_CODE) return decodeFrame(KINDS, frame)
  const bytes = frame.subarray(1)
  if (bytes.length === 0 || bytes.length > MAX_DATA_BYTES) {
    throw new PeerProtocolError(`a data frame with ${bytes.length} bytes`)
  }
  return { type: 'data', bytes }
}

/** "I want this." */
export function openFrame({ ref, pausedMs, ...request }: TransferRequest): Frame {
  const { isConfirmed: confirmed, leadScope, heldPieces, refusedBy, partial } = request
  const { kind, upstream, repository, digest, access } = ref
  const pause = pausedMs === undefined ? undefined : Math.min(Math.ceil(pausedMs), MAX_PAUSE_MS)
  return encodeFrame(KINDS.open, {
    ...{ kind, upstream, repository, digest, access, confirmed, leadScope, heldPieces, refusedBy, partial },
    pausedMs: pause,
  })
}

/** "This is how long it is, and how I cut it"; with `availablePieces`, "and only so many pieces, from the first on, can be had." */
export function headFrame(
  { sizeBytes, pieceBytes }: PieceGrid,
  complete: boolean,
  availablePieces?: number,
): Frame {
  return encodeFrame(KINDS.head, { sizeBytes, pieceBytes, complete, availablePieces })
}

/** "You get nothing (more) from me." */
export function refuseFrame(reason: RefusalReason, details: RefusalDetails): Frame {
  return encodeFrame(KINDS.refuse, refusalBody(reason, details))
}

/** "Send me this piece." */
export function wantFrame(index: number): Frame {
  return encodeFrame(KINDS.want, { index })
}

/** "Here it comes, and this is its hash." */
export function pieceFrame(grid: PieceGrid, index: number, sha256: Uint8Array): Frame {
  return encodeFrame(KINDS.piece, { index, sizeBytes: pieceSizeBytes(grid, index), sha256 })
}

/** Bytes of a piece, at most {@link MAX_DATA_BYTES}. They are copied, so `bytes` may be lent. */
export function dataFrame(bytes: Uint8Array): Frame {
  const frame = Buffer.allocUnsafe(1 + bytes.length)
  frame[0] = DATA_CODE
  frame.set(bytes, 1)
  return frame
}

/** How many bytes of content a frame carries. */
export function payloadBytes(frame: Frame): number {
  return frame[0] === DATA_CODE ? frame.length - 1 : 0
}
