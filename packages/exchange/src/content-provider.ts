import type { Member, TagRecord } from '@layermesh/interface'
import type { TagRequest } from './tag-frames.ts'
import type { TransferRequest } from './transfer-request.ts'

/** A {@link TransferRequest} as the serving side sees it: the asking peer has proven membership. */
export interface IncomingRequest extends TransferRequest {
  readonly from: Member
}

/** A {@link TagRequest} as the serving side sees it. */
export interface IncomingTagRequest extends TagRequest {
  readonly from: Member
}

/** Options of each call; `signal` is aborted as soon as the asking peer is gone. */
export interface ProvideOptions {
  readonly signal: AbortSignal
}

/** One piece of content, ready to be sent. */
export interface ProvidedPiece {
  /** SHA-256 of the piece's bytes, 32 bytes. The receiver checks it; the sender does not. */
  readonly sha256: Uint8Array
  /**
   * The piece's bytes in order, exactly as many as its place in the content says; read once. Chunks are lent
   * as those of `BlobHandle.read`. Rejects when the signal that the piece was asked for with is aborted.
   */
  read(): AsyncIterable<Uint8Array>
}

/** Content that can be sent to a peer, finished or still filling. The exchange disposes of it when the transfer ends. */
export interface ProvidedContent extends AsyncDisposable {
  readonly sizeBytes: number
  /** Size of every piece but the last, in bytes. */
  readonly pieceBytes: number
  /** Whether this node holds the finished, verified content; false while it is still being fetched. */
  readonly complete: boolean
  /** How many pieces, from the first on, can be had; undefined when all can. */
  readonly availablePieces?: number | undefined
  /**
   * Resolves when the piece can be sent: all its bytes are here and hashed. Rejects with `signal.reason` when the
   * asking peer is gone, and with the fill's error when the piece will never come.
   */
  piece(index: number, options: ProvideOptions): Promise<ProvidedPiece>
}

/** What this node can give to peers; the serving side of the exchange asks it. */
export interface ContentProvider {
  /**
   * Opens content for a peer; undefined when this node neither holds it nor, where `request.leadScope` asks it to,
   * can get it, nor, where `request.partial` asks for that, has a part of it. May take long: the asking peer is told that we are still at it. An error is told to the peer
   * by its kind, with the message of a {@link @layermesh/interface#LayermeshError}.
   */
  provide(request: IncomingRequest, options: ProvideOptions): Promise<ProvidedContent | undefined>
  /**
   * This node's record of a tag, or undefined when it has none that it would use itself. With `request.leadScope` it is asked for
   * further out if need be, and an error is told to the peer by its kind.
   */
  findTag(request: IncomingTagRequest, options: ProvideOptions): Promise<TagRecord | undefined>
}
