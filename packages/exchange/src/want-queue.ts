import { abortable } from '@layermesh/async'
import { PeerProtocolError } from '@layermesh/interface'
import { MAX_OUTSTANDING } from './blob-frames.ts'

/** What a client has asked for and not been answered yet. The frame that opened the transfer counts as a request too. */
export class WantQueue {
  readonly #indexes: number[] = []
  #outstanding = 1
  #ended = false
  #changed = Promise.withResolvers<undefined>()

  /** Whether everything that was asked for has been answered. */
  get idle(): boolean {
    return this.#outstanding === 0
  }

  /** Adds a piece. Throws ERR_PEER_PROTOCOL when the client has as many outstanding as it may have. */
  push(index: number): void {
    if (this.#outstanding >= MAX_OUTSTANDING) {
      throw new PeerProtocolError(`more than ${MAX_OUTSTANDING} requests at a time`)
    }
    this.#outstanding += 1
    this.#indexes.push(index)
    this.#wake()
  }

  /** Says that the oldest request is answered. Call it before the answer's last frame is sent: the next want may follow at once. */
  answered(): void {
    this.#outstanding -= 1
  }

  /** Says that the client asks for nothing more. */
  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** The next piece to send, as soon as there is one; undefined when the client asks for nothing more. */
  async next(signal: AbortSignal): Promise<number | undefined> {
    for (;;) {
      const index = this.#indexes.shift()
      if (index !== undefined || this.#ended) return index
      await abortable(this.#changed.promise, signal)
    }
  }

  #wake(): void {
    this.#changed.resolve(undefined)
    this.#changed = Promise.withResolvers()
  }
}
