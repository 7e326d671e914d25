import { createHash } from 'node:crypto'
import { PeerProtocolError, RangeUnsatisfiableError, type Clock, type PeerId } from '@layermesh/interface'
import {
  BLOB_PROTOCOL,
  decodeBlobFrame,
  MAX_OUTSTANDING,
  openFrame,
  wantFrame,
  type BlobFrame,
} from './blob-frames.ts'
import { converse, outOfTurn, type AskingDeps, type Conversation } from './conversation.ts'
import type { ExchangeOptions, Transfer } from './exchange.ts'
import type { TransferRequest } from './transfer-request.ts'
import { pieceCount, pieceSizeBytes } from './piece-grid.ts'
import { errorOf } from './refusals.ts'

/** The client of the blob protocol; see {@link Exchange.open}. */
export async function openTransfer(
  deps: AskingDeps,
  peer: PeerId,
  request: TransferRequest,
  { signal }: ExchangeOptions,
): Promise<Transfer> {
  const conversation = await converse(deps, peer, BLOB_PROTOCOL, decodeBlobFrame, signal)
  return conversation.expect(async () => {
    await conversation.send(openFrame(request))
    const head = await receive(conversation, 'head')
    return new PeerTransfer(conversation, head, deps.clock)
  }, signal)
}

type Head = Extract<BlobFrame, { type: 'head' }>

class PeerTransfer implements Transfer {
  readonly sizeBytes: number
  readonly pieceBytes: number
  readonly complete: boolean
  readonly availablePieces: number
  readonly #conversation: Conversation<BlobFrame>
  readonly #clock: Pick<Clock, 'monotonicMs'>
  #receivedBytes = 0
  #receivingMs = 0
  /** Since when a piece is coming. */
  #comingSinceMs: number | undefined
  /** Settle when the last replies that were asked for are over, in the order in which they were asked for. */
  #replies: readonly Promise<void>[] = []
  /** Settles when the last request has been sent. */
  #asked: Promise<void> = Promise.resolve()

  constructor(conversation: Conversation<BlobFrame>, head: Head, clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
    this.#conversation = conversation
    this.sizeBytes = head.sizeBytes
    this.pieceBytes = head.pieceBytes
    this.complete = head.complete
    this.availablePieces = Math.min(head.availablePieces ?? Infinity, pieceCount(head))
  }

  get flow() {
    const sinceMs = this.#comingSinceMs
    const comingMs = sinceMs === undefined ? 0 : this.#clock.monotonicMs() - sinceMs
    return { bytes: this.#receivedBytes, ms: this.#receivingMs + comingMs }
  }

  piece(index: number, { signal }: ExchangeOptions = {}): Promise<Uint8Array> {
    const sizeBytes = pieceSizeBytes(this, index)
    if (sizeBytes === undefined) return Promise.reject(new RangeUnsatisfiableError(this.sizeBytes))
    const before = this.#replies.at(-1)
    const turn = this.#replies.at(-MAX_OUTSTANDING)
    const asked = this.#asked.then(async () => {
      await turn
      await this.#conversation.send(wantFrame(index))
    })
    const reply = this.#conversation.expect(async () => {
      await asked
      await before
      return this.#receivePiece(index, sizeBytes)
    }, signal)
    // What goes wrong is seen by the callers; the chains only keep the order, and none of the bytes.
    this.#asked = settled(asked)
    this.#replies = [...this.#replies, settled(reply)].slice(-MAX_OUTSTANDING)
    return reply
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#conversation.close()
  }

  async #receivePiece(index: number, sizeBytes: number): Promise<Uint8Array> {
    const piece = await receive(this.#conversation, 'piece')
    if (piece.index !== index || piece.sizeBytes !== sizeBytes) {
      throw new PeerProtocolError(
        `piece ${piece.index} of ${piece.sizeBytes} bytes instead of piece ${index} of ${sizeBytes}`,
      )
    }
    const sinceMs = this.#clock.monotonicMs()
    this.#comingSinceMs = sinceMs
    const bytes = Buffer.allocUnsafe(sizeBytes)
    const hash = createHash('sha256')
    for (let offset = 0; offset < sizeBytes;) {
      const data = await receive(this.#conversation, 'data')
      if (data.bytes.length > sizeBytes - offset)
        throw new PeerProtocolError(`more bytes than piece ${index} has`)
      bytes.set(data.bytes, offset)
      hash.update(data.bytes)
      offset += data.bytes.length
      this.#receivedBytes += data.bytes.length
    }
    this.#comingSinceMs = undefined
    this.#receivingMs += this.#clock.monotonicMs() - sinceMs
    if (!hash.digest().equals(piece.sha256)) {
      throw new PeerProtocolError(`the bytes of piece ${index} don't match the hash that the peer named`)
    }
    return bytes
  }
}

async function settled(promise: Promise<unknown>): Promise<void> {
  await Promise.allSettled([promise])
}

/** The next frame, which must be of one type, or a refusal, which is thrown. */
async function receive<T extends BlobFrame['type']>(
  conversation: Conversation<BlobFrame>,
  type: T,
): Promise<Extract<BlobFrame, { type: T }>> {
  const frame = await conversation.receive()
  if (frame.type === 'refuse') throw errorOf(frame)
  if (frame.type !== type) throw outOfTurn(frame)
  return frame as Extract<BlobFrame, { type: T }>
}
