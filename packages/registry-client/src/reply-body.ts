import type { Readable } from 'node:stream'
import {
  type Clock,
  LayermeshError,
  UpstreamStalledError,
  UpstreamTruncatedError,
} from '@layermesh/interface'
import { pipe } from 'it-pipe'
import { countBytes } from './count-bytes.ts'
import { paceGuard } from './pace-guard.ts'
import { stallGuard } from './stall-guard.ts'

/** How many bytes of a body that nobody wants are read to keep its connection; a longer one costs the connection. */
const MAX_DISCARDED_BYTES = 64 * 1024

/** What a body is read with. */
export interface ReplyBodyInit {
  readonly clock: Clock
  /** How long the server may be silent, in milliseconds. */
  readonly stallTimeoutMs: number
  readonly onBytes: (count: number) => void
  /** The signal of the request: it ends the body, too. */
  readonly signal: AbortSignal | undefined
  /** What was asked of whom, for messages. */
  readonly asked: string
}

/**
 * The body of a reply, to be read at most once. Owns the connection until it has been read to its end, discarded or
 * cut; one of these must happen. Throws ERR_UPSTREAM_STALLED, ERR_UPSTREAM_TRUNCATED, or the reason of the signal.
 */
export class ReplyBody implements AsyncIterable<Uint8Array> {
  readonly #stream: Readable
  readonly #init: ReplyBodyInit

  constructor(stream: Readable, init: ReplyBodyInit) {
    this.#stream = stream
    this.#init = init
    // A stream that fails while nobody reads it must not end the process; readers get its error from the iterator.
    stream.on('error', () => {})
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const { clock, stallTimeoutMs, onBytes, asked } = this.#init
    return pipe(
      this.#read(),
      countBytes(onBytes),
      stallGuard({
        clock,
        timeoutMs: stallTimeoutMs,
        makeError: () => new UpstreamStalledError(`${asked} sent nothing for ${stallTimeoutMs} ms`),
        cut: (error) => this.cut(error),
      }),
      paceGuard({
        clock,
        makeError: () => new UpstreamStalledError(`${asked} sent next to nothing for too long`),
      }),
    )
  }

  /** Closes the connection; a reader that waits gets `error`. Idempotent. */
  cut(error?: Error): void {
    this.#stream.destroy(error)
  }

  /** Reads on to the end of a short body that nobody wants, so that its connection can be used again. Never throws. */
  async discard(): Promise<void> {
    let leftBytes = MAX_DISCARDED_BYTES
    try {
      for await (const chunk of this) {
        leftBytes -= chunk.length
        if (leftBytes < 0) break
      }
    } catch {
      this.cut()
    }
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#stream as AsyncIterable<Uint8Array>
    } catch (cause) {
      this.#init.signal?.throwIfAborted()
      if (cause instanceof LayermeshError) throw cause
      throw new UpstreamTruncatedError(`${this.#init.asked} broke off in the middle of the body`, { cause })
    }
  }
}
