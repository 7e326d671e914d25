import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { ByteSource, Clock } from '@layermesh/interface'
import { ClientWait } from './client-wait.ts'
import { sendBody } from './send-body.ts'
import type { MirrorMetrics } from './mirror-metrics.ts'

/** What {@link PullReply} works with. */
export interface PullReplyDeps {
  readonly clock: Clock
  readonly metrics: MirrorMetrics
}

/** The reply to one request for a manifest or blob. Dispose of it when it has ended. */
export class PullReply implements Disposable {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #metrics: MirrorMetrics
  readonly #clock: Clock
  readonly #startedMs: number
  readonly #wait: ClientWait
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
    this.#wait = new ClientWait(request, timeoutMs, clock)
  }

  /** As {@link ClientWait.signal}. */
  get signal(): AbortSignal {
    return this.#wait.signal
  }

  /** Whether the client has hung up. */
  get isAbandoned(): boolean {
    return this.#wait.isAbandoned
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
    this.#wait.begin()
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

  /**
   * Breaks a reply off: the connection is closed before the length that was announced, so that no client can take it for complete. It is not
   * reset: Go's clients ask for the rest after an end that comes too early (`io.ErrUnexpectedEOF`), and give up after a reset, which also takes
   * away what they haven't read yet.
   */
  cut(): void {
    this.#request.socket.destroy()
  }

  [Symbol.dispose](): void {
    this.#wait[Symbol.dispose]()
  }

  readonly #countBytes = (bytes: number): void => {
    this.#bodyBytes += bytes
    if (this.#source !== undefined) this.#metrics.servedBytes.add(bytes, { source: this.#source })
  }
}
