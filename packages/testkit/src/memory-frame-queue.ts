import { PeerStreamError, type Frame } from '@layermesh/interface'

/** One direction of a stream: frames on their way, at most a window of them not yet taken while senders wait. */
export class MemoryFrameQueue {
  readonly #windowFrames: number
  readonly #frames: Frame[] = []
  readonly #waiters = new Set<() => void>()
  #state: 'open' | 'ended' | 'discarding' | 'reset' = 'open'

  constructor(windowFrames: number) {
    this.#windowFrames = windowFrames
  }

  /** Adds a copy of the frame, then waits until the receiver has taken all but a window of frames. */
  async put(frame: Frame, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    this.#throwIfReset()
    if (this.#state === 'ended') throw new PeerStreamError('our side of the stream is closed')
    if (this.#state === 'discarding') return
    this.#frames.push(Uint8Array.from(frame))
    this.#wake()
    while (this.#frames.length > this.#windowFrames) await this.#change(signal)
  }

  /** The next frame; undefined after the last one of a side that has ended. */
  async take(signal: AbortSignal | undefined): Promise<Frame | undefined> {
    signal?.throwIfAborted()
    this.#throwIfReset()
    while (this.#frames.length === 0 && this.#state === 'open') await this.#change(signal)
    const frame = this.#frames.shift()
    this.#wake()
    return frame
  }

  /** The sender adds no more; what is on its way can still be taken. */
  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#wake()
  }

  /** The receiver takes no more; what is sent from now on is dropped. */
  discard(): void {
    if (this.#state === 'reset') return
    this.#state = 'discarding'
    this.#frames.length = 0
    this.#wake()
  }

  /** Both sides fail from now on; what is on its way is lost. */
  reset(): void {
    this.#state = 'reset'
    this.#frames.length = 0
    this.#wake()
  }

  async #change(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.#waiters.delete(wake)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiters.add(wake)
      signal?.addEventListener('abort', wake)
    })
    signal?.throwIfAborted()
    this.#throwIfReset()
  }

  #wake(): void {
    for (const wake of this.#waiters) wake()
  }

  #throwIfReset(): void {
    if (this.#state === 'reset') throw new PeerStreamError('the stream was reset')
  }
}
