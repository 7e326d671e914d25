import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { ContentUnavailableError, type ByteSource, type CancelTimer, type Clock } from '@layermesh/interface'
import { sendBody } from './send-body.ts'
import type { MirrorMetrics } from './mirror-metrics.ts'

/** What {@link PullReply} works with. */
export interface PullReplyDeps {
  readonly clock: Clock
  readonly metrics: MirrorMetrics
}

/**
 * The reply to one request for a manifest or blob, while the client waits for it: until the client hangs up, or until
 * the time in which the reply must have begun is over. Dispose of it when the reply has ended.
 */
export class PullReply implements Disposable {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #metrics: MirrorMetrics
  readonly #clock: Clock
  readonly #startedMs: number
  readonly #controller = new AbortController()
  readonly #cancelDeadline: CancelTimer
  #source: ByteSource | undefined
  #bodyBytes = 0

  /** `timeoutMs` is how long the client may wait for the beginning of the reply. */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    timeoutMs: number,
    { clock, metrics }: PullReplyDeps,
  ) {
    this.#request = request
    this.#response = response
    this.#metrics = metrics
    this.#clock = clock
    this.#startedMs = clock.monotonicMs()
    request.socket.once('close', this.#onClose)
    this.#cancelDeadline = clock.setTimer(timeoutMs, () => {
      this.#controller.abort(new ContentUnavailableError(`no source answered in ${timeoutMs} ms`))
    })
    if (request.socket.destroyed) this.#onClose()
  }

  /** Aborts when the client hangs up, and with ERR_CONTENT_UNAVAILABLE when the reply has not begun in time. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Whether the client has hung up. */
  get isAbandoned(): boolean {
    return this.#request.socket.destroyed
  }

  /** Whether the status has been sent, so that an error can't be told any more. */
  get hasBegun(): boolean {
    return this.#response.headersSent
  }

  get isHead(): boolean {
    return this.#request.method === 'HEAD'
  }

  get requestHeaders(): IncomingHttpHeaders {
    return this.#request.headers
  }

  /** What the log says of a reply. */
  get facts() {
    return {
      method: this.#request.method,
      status: this.#response.statusCode,
      bytes: this.#bodyBytes,
      source: this.#source,
      durationMs: Math.round(this.#clock.monotonicMs() - this.#startedMs),
    }
  }

  /** Sends the head of a reply that succeeds. `headers` are names and values in turn. */
  begin(status: number, source: ByteSource, headers: readonly string[]): void {
    this.#cancelDeadline()
    this.#source = source
    this.#metrics.firstByteSeconds.observe((this.#clock.monotonicMs() - this.#startedMs) / 1000, { source })
    this.#response.writeHead(status, headers as string[])
  }

  /** Ends a reply that has no body. */
  end(): void {
    this.#response.end()
  }

  /** Sends a body of exactly `sizeBytes` bytes and ends the reply; throws as `sendBody` does. */
  sendBody(body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, sizeBytes: number): Promise<void> {
    return sendBody(this.#response, body, sizeBytes, this.#countBytes, this.signal)
  }

  /** Breaks a reply off so that no client can take it for complete. */
  reset(): void {
    this.#request.socket.resetAndDestroy()
  }

  [Symbol.dispose](): void {
    this.#cancelDeadline()
    this.#request.socket.off('close', this.#onClose)
  }

  readonly #countBytes = (bytes: number): void => {
    this.#bodyBytes += bytes
    if (this.#source !== undefined) this.#metrics.servedBytes.add(bytes, { source: this.#source })
  }

  readonly #onClose = (): void => {
    this.#controller.abort()
  }
}
