import {
  MAX_FRAME_BYTES,
  PeerProtocolError,
  type Frame,
  type PeerId,
  type PeerStream,
} from '@layermesh/interface'
import { MemoryFrameQueue } from './memory-frame-queue.ts'

/** What is common to both ends of a stream. */
interface Wire {
  readonly inbound: MemoryFrameQueue
  readonly outbound: MemoryFrameQueue
}

/** One end of a stream between two nodes of a memory mesh. */
export class MemoryPeerStream implements PeerStream {
  readonly peer: PeerId
  readonly #wire: Wire

  constructor(peer: PeerId, wire: Wire) {
    this.peer = peer
    this.#wire = wire
  }

  send(frame: Frame, options?: { readonly signal?: AbortSignal }): Promise<void> {
    return this.#wire.outbound.put(frame, options?.signal)
  }

  async receive(options?: { readonly signal?: AbortSignal }): Promise<Frame | undefined> {
    const frame = await this.#wire.inbound.take(options?.signal)
    if (frame === undefined || frame.length <= MAX_FRAME_BYTES) return frame
    const error = new PeerProtocolError(`a frame of ${frame.length} bytes is longer than ${MAX_FRAME_BYTES}`)
    this.abort()
    throw error
  }

  close(): Promise<void> {
    this.#wire.outbound.end()
    return Promise.resolve()
  }

  abort(): void {
    this.#wire.inbound.reset()
    this.#wire.outbound.reset()
  }

  /** Drops what the peer still sends, as a network does once a stream's handler has returned. */
  stopReceiving(): void {
    this.#wire.inbound.discard()
  }
}

/** Connects two nodes; the first end is the one that `opener` holds. */
export function memoryStreamPair(
  opener: PeerId,
  server: PeerId,
  windowFrames: number,
): [MemoryPeerStream, MemoryPeerStream] {
  const asked = new MemoryFrameQueue(windowFrames)
  const answered = new MemoryFrameQueue(windowFrames)
  return [
    new MemoryPeerStream(server, { inbound: answered, outbound: asked }),
    new MemoryPeerStream(opener, { inbound: asked, outbound: answered }),
  ]
}
