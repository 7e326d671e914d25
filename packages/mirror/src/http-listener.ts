import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  formatListenAddress,
  listenFailure,
  type Clock,
  type ListenAddress,
  type Log,
  type Startable,
} from '@layermesh/interface'
import { parserErrorReply } from './oci-error-reply.ts'

const SERVER_OPTIONS: ServerOptions = {
  // Go's clients keep idle connections for up to 120 s (BuildKit). Were ours shorter, a request could meet a
  // connection that is being closed, and the client would report a reset.
  keepAliveTimeout: 150_000,
  headersTimeout: 20_000,
  requestTimeout: 60_000,
  noDelay: true,
  optimizeEmptyRequests: true,
}

/** How long running replies may take once the listener has been told to stop, in milliseconds. */
export const DEFAULT_DRAIN_TIMEOUT_MS = 10_000

/** What {@link HttpListener} works with. */
export interface HttpListenerDeps {
  readonly handle: RequestListener
  readonly log: Log
  readonly clock: Clock
}

/** Tunables of {@link HttpListener}. */
export interface HttpListenerInit {
  readonly address: ListenAddress
  readonly drainTimeoutMs: number
}

/** One HTTP/1.1 server on one address, which stops without cutting replies that are on the way. */
export class HttpListener implements Startable {
  readonly #server: Server
  readonly #log: Log
  readonly #clock: Clock
  readonly #address: ListenAddress
  readonly #drainTimeoutMs: number
  /** Open connections, and the replies that are on the way on each: Node counts a silent new one as busy. */
  readonly #replies = new Map<Duplex, number>()
  #drained: Promise<void> | undefined

  constructor({ handle, log, clock }: HttpListenerDeps, { address, drainTimeoutMs }: HttpListenerInit) {
    this.#log = log
    this.#clock = clock
    this.#address = address
    this.#drainTimeoutMs = drainTimeoutMs
    this.#server = createServer(SERVER_OPTIONS, (request, response) => {
      this.#addReply(request.socket, 1)
      response.once('close', () => {
        this.#addReply(request.socket, -1)
      })
      handle(request, response)
    })
    this.#server.on('connection', this.#onConnection)
    this.#server.on('clientError', this.#onClientError)
  }

  /** Where it listens, with the port that the system chose when it was to; undefined while it doesn't. */
  get address(): string | undefined {
    const bound = this.#server.address() as AddressInfo | null
    return bound === null ? undefined : formatListenAddress({ host: bound.address, port: bound.port })
  }

  /** Throws ERR_LISTEN when the address can't be used. */
  async start(): Promise<void> {
    const { host, port } = this.#address
    try {
      this.#server.listen({ host, port })
      await once(this.#server, 'listening')
    } catch (cause) {
      throw listenFailure('mirror.listen', this.#address, cause)
    }
    // Out of file descriptors, say: the next connection may be taken again.
    this.#server.on('error', (err) => this.#log.error({ err }, 'connection not accepted'))
  }

  /** Takes no more connections, closes idle ones, and gives running replies until the drain time-out. */
  stop(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  async #drain(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const [socket, replies] of this.#replies) if (replies === 0) socket.destroy()
    const cancel = this.#clock.setTimer(this.#drainTimeoutMs, () => {
      this.#log.warn({ connections: this.#replies.size }, 'connections cut at the end of the drain')
      for (const socket of this.#replies.keys()) socket.destroy()
    })
    await closed
    cancel()
  }

  readonly #onConnection = (socket: Socket): void => {
    // Each pipelined request watches the connection.
    socket.setMaxListeners(0)
    this.#replies.set(socket, 0)
    socket.once('close', () => this.#replies.delete(socket))
  }

  readonly #onClientError = (error: NodeJS.ErrnoException, socket: Duplex): void => {
    // In the middle of another reply there is no place for a word about this one.
    const isReplying = (this.#replies.get(socket) ?? 0) > 0
    if (isReplying || !socket.writable) socket.destroy()
    else socket.end(parserErrorReply(error.code), () => socket.destroy())
  }

  #addReply(socket: Duplex, change: 1 | -1): void {
    const before = this.#replies.get(socket)
    if (before === undefined) return
    this.#replies.set(socket, before + change)
    // A reply is closed once the system has all its bytes, so nothing is lost by closing the connection then.
    if (this.#drained !== undefined && before + change === 0) socket.destroy()
  }
}
