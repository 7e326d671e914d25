import type { OriginRequest } from './origin-request.ts'
import type { SendOutcome } from './send-reply.ts'

/** A request with what has come of it so far; the origin goes on updating it. */
export interface LoggedRequest extends OriginRequest {
  /** Whether the client sent credentials. */
  readonly authorization: boolean
  /** The `Range` header as sent. */
  readonly range?: string
  /** Status of the reply; undefined until it has been decided. */
  readonly status?: number
  /** Bytes of the reply's body that went out. */
  readonly bytesSent: number
  readonly outcome: 'open' | SendOutcome
}

/** The log's own handle on a request. */
export type OpenRequest = { -readonly [Key in keyof LoggedRequest]: LoggedRequest[Key] }

interface Waiter {
  readonly predicate: (request: LoggedRequest) => boolean
  readonly resolve: (request: LoggedRequest) => void
  readonly reject: (reason: Error) => void
}

/** All requests in the order of their arrival, and who waits for one. */
export class RequestLog {
  readonly #requests: OpenRequest[] = []
  readonly #waiters = new Set<Waiter>()

  get requests(): readonly LoggedRequest[] {
    return this.#requests
  }

  /** Logs a request that has arrived; report what comes of it to {@link update}. */
  open(request: OriginRequest): OpenRequest {
    const { authorization, range } = request.headers
    const opened: OpenRequest = {
      ...request,
      authorization: authorization !== undefined,
      ...(range === undefined ? {} : { range }),
      bytesSent: 0,
      outcome: 'open',
    }
    this.#requests.push(opened)
    this.#wake(opened)
    return opened
  }

  update(
    request: OpenRequest,
    change: Partial<Pick<LoggedRequest, 'status' | 'bytesSent' | 'outcome'>>,
  ): void {
    Object.assign(request, change)
    this.#wake(request)
  }

  /** The first request that fulfils `predicate`, now or after some change to it. Rejects when the origin closes. */
  waitFor(predicate: Waiter['predicate']): Promise<LoggedRequest> {
    const present = this.#requests.find(predicate)
    if (present !== undefined) return Promise.resolve(present)
    const { promise, resolve, reject } = Promise.withResolvers<LoggedRequest>()
    // Who failed before coming to await this must not fail a second time by an unhandled rejection.
    promise.catch(() => {})
    this.#waiters.add({ predicate, resolve, reject })
    return promise
  }

  /** Rejects whoever still waits. */
  close(): void {
    for (const { reject } of this.#waiters)
      reject(new Error('the origin was closed before such a request came'))
    this.#waiters.clear()
  }

  #wake(request: LoggedRequest): void {
    for (const waiter of this.#waiters) {
      if (!waiter.predicate(request)) continue
      this.#waiters.delete(waiter)
      waiter.resolve(request)
    }
  }
}
