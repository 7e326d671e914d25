import type { LinkClass, PeerId, TagRecord } from '@layermesh/interface'
import type { ContentProvider } from './content-provider.ts'
import type { TagRequest } from './tag-frames.ts'
import type { TransferRequest } from './transfer-request.ts'

/** Options of each call. */
export interface ExchangeOptions {
  readonly signal?: AbortSignal
}

/**
 * Content that a peer is sending, piece by piece. Dispose of it when done: with pieces outstanding that resets
 * the stream, otherwise it ends it in good order.
 */
export interface Transfer extends AsyncDisposable {
  /** Size of the whole content as the peer says it, at most 1 TiB; true only if the whole-content digest turns out right. */
  readonly sizeBytes: number
  /** Size of every piece but the last, in bytes: the peer's choice, at most 16 MiB. */
  readonly pieceBytes: number
  /** Whether the peer holds the finished content; false while it is still fetching it. */
  readonly complete: boolean
  /** How many pieces, from the first on, the peer can send: all, unless only a part was asked for. */
  readonly availablePieces: number
  /** Bytes of pieces that have come, and the time in which some were coming: that in which the peer had none to send doesn't count. */
  readonly flow: { readonly bytes: number; readonly ms: number }
  /**
   * Asks for a piece, `0 <= index < ceil(sizeBytes / pieceBytes)`, in any order. The bytes match the SHA-256 that
   * the peer named for the piece and belong to the caller.
   *
   * Pieces can be asked for ahead: two are outstanding at the peer, a third waits for its turn, and they are
   * answered in the order in which they were asked for. The first error, an aborted signal included, ends the
   * transfer: whatever is outstanding or asked for later rejects with it.
   *
   * Throws ERR_PEER_STALLED when no frame came for the link's stall time-out, ERR_PEER_STREAM when the stream is
   * lost, ERR_PEER_PROTOCOL for bytes or frames that are wrong, ERR_PEER_MISSING when the peer can't go on,
   * ERR_RANGE_UNSATISFIABLE when there is no such piece (which leaves the transfer as it is).
   */
  piece(index: number, options?: ExchangeOptions): Promise<Uint8Array>
}

/** The pull protocol between peers, both sides of it. */
export interface Exchange {
  /** Serves peers with what `provider` gives, until `stop`. Called once. */
  serve(provider: ContentProvider): Promise<void>
  /** Ends what is being served. Idempotent. */
  stop(): Promise<void>
  /**
   * Asks `peer` for content; resolves when the peer has said how long it is. `signal` ends the opening only.
   *
   * Throws ERR_PEER_MISSING when the peer has it not or can't get it, ERR_PEER_BUSY when it is full, ERR_UPSTREAM_NOT_FOUND and
   * ERR_UPSTREAM_RATE_LIMITED when upstream said that to the peer, ERR_PEER_UNREACHABLE, ERR_PEER_STALLED, ERR_PEER_STREAM and ERR_PEER_PROTOCOL.
   */
  open(peer: PeerId, request: TransferRequest, options?: ExchangeOptions): Promise<Transfer>
  /**
   * Asks `peer` for its record of a tag; undefined when it has none.
   *
   * Throws, if `peer` was asked as a lead, ERR_UPSTREAM_NOT_FOUND and ERR_UPSTREAM_RATE_LIMITED when upstream said that, and
   * ERR_PEER_MISSING when it can't be asked from there; ERR_PEER_UNREACHABLE, ERR_PEER_STALLED, ERR_PEER_STREAM and ERR_PEER_PROTOCOL.
   */
  askTag(peer: PeerId, request: TagRequest, options?: ExchangeOptions): Promise<TagRecord | undefined>
  /** Bytes of content sent to peers over links of this class since this node started. */
  sentBytes(link: LinkClass): number
}
