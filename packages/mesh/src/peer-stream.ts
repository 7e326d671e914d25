import { abortable } from '@layermesh/async'
import {
  PeerProtocolError,
  PeerStreamError,
  type Frame,
  type PeerId,
  type PeerStream,
} from '@layermesh/interface'
import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { ByteQueue } from './byte-queue.ts'

/** A frame is its length, an unsigned 32-bit big-endian number, and then its payload. */
const HEADER_BYTES = 4

/** Frames up to this size are sent in one piece with their header: copying is cheaper than a second packet. */
const MAX_COPIED_BYTES = 4096

/** What a peer may send on one stream before we take it, in bytes. Large, because distant peers are to be fast too. */
export const STREAM_WINDOW_BYTES = 16 * 1024 * 1024

/** Tunables of a {@link Libp2pPeerStream}. */
export interface PeerStreamInit {
  readonly peer: PeerId
  /** Longest frame that may be sent or received, in bytes. */
  readonly maxFrameBytes: number
  /** Called whenever bytes arrive. */
  readonly onBytes?: () => void
}

/**
 * A libp2p stream as a {@link PeerStream}: the one place where bytes cross between libp2p's event based streams
 * and ours.
 *
 * Flow control is the transport's window: with a whole frame unread the stream is paused, and the peer can send no
 * more than what is left of its window. So a stream that nobody reads holds at most a frame and a window of bytes.
 */
export class Libp2pPeerStream implements PeerStream {
  readonly peer: PeerId
  readonly #stream: Stream
  readonly #onBytes: (() => void) | undefined
  readonly #maxFrameBytes: number
  readonly #unread = new ByteQueue()
  /** Settled and replaced at each event. Take it before looking at the state: looking can cause events. */
  #changed = Promise.withResolvers<undefined>()
  #remoteClosedWrite = false
  #ended = false
  #discarding = false
  #failure: PeerStreamError | PeerProtocolError | undefined
  #closing: Promise<void> | undefined

  constructor(stream: Stream, { peer, maxFrameBytes, onBytes }: PeerStreamInit) {
    this.peer = peer
    this.#stream = stream
    this.#onBytes = onBytes
    this.#maxFrameBytes = maxFrameBytes
    // libp2p resets a paused stream whose buffer is fuller than this; the peer may rightly fill its window.
    stream.maxReadBufferLength = 2 * STREAM_WINDOW_BYTES
    stream.addEventListener('close', this.#onClose)
    stream.addEventListener('remoteCloseWrite', this.#onRemoteCloseWrite)
    stream.addEventListener('end', this.#onEnd)
    stream.addEventListener('drain', this.#wake)
    stream.addEventListener('idle', this.#wake)
    this.#catchUp()
    stream.addEventListener('message', this.#onMessage)
  }

  async send(frame: Frame, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    options.signal?.throwIfAborted()
    if (frame.length > this.#maxFrameBytes) {
      const message = `a frame of ${frame.length} bytes is longer than the limit of ${this.#maxFrameBytes}`
      this.abort(new RangeError(message))
      throw new PeerStreamError(message)
    }
    // Nothing may come between the look and the write: others may be waiting to send, too.
    while (!this.#hasRoom()) await abortable(this.#changed.promise, options.signal)
    this.#write(frame)
    while (!this.#hasRoom()) await abortable(this.#changed.promise, options.signal)
  }

  async receive(options: { readonly signal?: AbortSignal } = {}): Promise<Frame | undefined> {
    options.signal?.throwIfAborted()
    for (;;) {
      const changed = this.#changed.promise
      if (this.#failure !== undefined) throw this.#failure
      const frame = this.#takeFrame()
      if (frame !== undefined) return frame
      if (this.#ended) {
        if (this.#unread.byteLength === 0) return undefined
        throw this.#fail(new PeerStreamError('the stream ended in the middle of a frame'))
      }
      await abortable(changed, options.signal)
    }
  }

  close(): Promise<void> {
    // A stream that is gone has nothing left to end.
    this.#closing ??= this.#stream.close().catch(() => {})
    return this.#closing
  }

  abort(reason: Error): void {
    this.#fail(new PeerStreamError('the stream was aborted', { cause: reason }))
  }

  /** Resolves when bytes have arrived, or none can come any more. */
  async untilFirstBytes(): Promise<void> {
    while (this.#unread.byteLength === 0 && !this.#ended && this.#failure === undefined) {
      await this.#changed.promise
    }
  }

  /** Drops what has arrived and what will: for a stream whose reader has gone, so that the peer isn't left waiting. */
  discard(): void {
    this.#discarding = true
    this.#unread.drop(this.#unread.byteLength)
    this.#resume()
  }

  #takeFrame(): Frame | undefined {
    const sizeBytes = this.#unread.byteLength < HEADER_BYTES ? undefined : this.#unread.peekUint32()
    if (sizeBytes !== undefined && sizeBytes > this.#maxFrameBytes) {
      const message = `a frame of ${sizeBytes} bytes is longer than the limit of ${this.#maxFrameBytes}`
      throw this.#fail(new PeerProtocolError(message))
    }
    if (sizeBytes === undefined || this.#unread.byteLength < HEADER_BYTES + sizeBytes) {
      this.#resume()
      return undefined
    }
    this.#unread.drop(HEADER_BYTES)
    const frame = this.#unread.take(sizeBytes)
    if (this.#unread.byteLength < this.#pauseBytes / 2) this.#resume()
    return frame
  }

  #write(frame: Frame): void {
    const header = Buffer.alloc(HEADER_BYTES)
    header.writeUInt32BE(frame.length)
    try {
      if (frame.length <= MAX_COPIED_BYTES) {
        this.#stream.send(Buffer.concat([header, frame]))
      } else {
        this.#stream.send(header)
        this.#stream.send(frame)
      }
    } catch (error) {
      throw this.#fail(new PeerStreamError('the stream cannot be written to', { cause: error }))
    }
  }

  /**
   * Whether nothing of ours is on its way to the transport, and it takes more. libp2p's `onDrain()` can't tell: its
   * promise is made once and never again, so that it only ever waits for the first time.
   */
  #hasRoom(): boolean {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#stream.writeStatus !== 'writable') throw new PeerStreamError('our side of the stream is closed')
    return !this.#stream.writableNeedsDrain && this.#stream.writeBufferLength === 0
  }

  /** What happened to the stream before we listened to it. */
  #catchUp(): void {
    const stream = this.#stream
    if (stream.status !== 'open') this.#fail(new PeerStreamError(`the stream is ${stream.status}`))
    this.#remoteClosedWrite = stream.remoteWriteStatus === 'closed'
    if (stream.readableEnded) this.#onEnd()
  }

  readonly #onMessage = ({ data }: StreamMessageEvent): void => {
    this.#onBytes?.()
    if (this.#discarding) return
    for (const chunk of data instanceof Uint8Array ? [data] : data) this.#unread.push(chunk)
    if (this.#unread.byteLength >= this.#pauseBytes && this.#stream.readStatus === 'readable')
      this.#stream.pause()
    this.#wake()
  }

  readonly #onRemoteCloseWrite = (): void => {
    // No reason to end yet: what was sent before may still be on the way through a paused stream. `end` is it.
    this.#remoteClosedWrite = true
  }

  readonly #onEnd = (): void => {
    // A connection that is lost ends its streams too; only a peer that said so has sent all that it wanted to.
    if (this.#remoteClosedWrite) this.#ended = true
    this.#wake()
  }

  readonly #onClose = ({ error }: StreamCloseEvent): void => {
    if (error !== undefined) this.#fail(new PeerStreamError('the stream was reset', { cause: error }))
    else if (!this.#remoteClosedWrite) this.#fail(new PeerStreamError('the connection to the peer is gone'))
    this.#wake()
  }

  readonly #wake = (): void => {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve(undefined)
  }

  #resume(): void {
    if (this.#stream.readStatus !== 'paused') return
    try {
      this.#stream.resume()
    } catch {
      // It hands over what it has buffered, and then can't tell a peer that is gone. The stream's events say so too.
    }
  }

  #fail(failure: PeerStreamError | PeerProtocolError): PeerStreamError | PeerProtocolError {
    if (this.#failure !== undefined) return this.#failure
    this.#failure = failure
    this.#discarding = true
    this.#unread.drop(this.#unread.byteLength)
    this.#stream.abort(failure)
    this.#wake()
    return failure
  }

  /** With this many bytes unread there is at least one whole frame, so that a reader is never stuck with a pause. */
  get #pauseBytes(): number {
    return this.#maxFrameBytes + HEADER_BYTES
  }
}
