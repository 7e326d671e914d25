import type { IncomingMessage } from 'node:http'
import { ContentUnavailableError, type CancelTimer, type Clock } from '@layermesh/interface'

/**
 * A client that waits for its reply: until it hangs up, or until the time in which the reply must have begun is over.
 * Dispose of it when the reply has ended.
 */
export class ClientWait implements Disposable {
  readonly #request: IncomingMessage
  readonly #controller = new AbortController()
  readonly #cancelDeadline: CancelTimer

  /** `timeoutMs` is how long the client may wait for the beginning of the reply. */
  constructor(request: IncomingMessage, timeoutMs: number, clock: Clock) {
    this.#request = request
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

  /** The reply begins: from now on only the client can end the wait. */
  begin(): void {
    this.#cancelDeadline()
  }

  [Symbol.dispose](): void {
    this.#cancelDeadline()
    this.#request.socket.off('close', this.#onClose)
  }

  readonly #onClose = (): void => {
    this.#controller.abort()
  }
}
