import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
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
import type { HttpLimits } from './http-limits.ts'
import { parserErrorReply } from './oci-error-reply.ts'
import type { TlsIdentity } from './tls-identity.ts'

/** How long running replies may take once the listener has been told to stop, in milliseconds. */
export const DEFAULT_DRAIN_TIMEOUT_MS = 10_000

/** What {@link HttpListener} works with. */
export interface HttpListenerDeps {
  readonly handle: RequestListener
  readonly log: Log
  readonly clock: Clock
  /** By what clients tell that it is this node; undefined for a listener without TLS. */
  readonly identity: TlsIdentity | undefined
}

/** Tunables of {@link HttpListener}. */
export interface HttpListenerInit {
  readonly address: ListenAddress
  /** The setting that the address comes from, for messages. */
  readonly setting: string
  readonly drainTimeoutMs: number
  readonly limits: HttpLimits
}

/** One HTTP/1.1 server on one address, with or without TLS, which stops without cutting replies that are on the way. */
export class HttpListener implements Startable {
  readonly #server: Server | TlsServer
  readonly #deps: HttpListenerDeps
  readonly #init: HttpListenerInit
  /**
   * Open connections, and the replies that are on the way on each: Node counts a silent new one as busy. Of those without a reply, the
   * one that has been so for longest comes first.
   */
  readonly #replies = new Map<Duplex, number>()
  /** Connections in the middle of a TLS handshake, by the client's address. */
  readonly #handshakes = new Map<string, Socket>()
  #unwatch = () => {}
  #drained: Promise<void> | undefined

  constructor(deps: HttpListenerDeps, init: HttpListenerInit) {
    this.#deps = deps
    this.#init = init
    const { handshakeTimeoutMs: handshakeTimeout, maxConnections, stallTimeoutMs } = init.limits
    const options = serverOptions(init.limits)
    this.#server =
      deps.identity === undefined
        ? createServer(options, this.#onRequest)
        : createTlsServer({ ...options, handshakeTimeout, ALPNProtocols: ['http/1.1'] }, this.#onRequest)
    this.#server.maxConnections = maxConnections
    this.#server.timeout = stallTimeoutMs
    // The body of a write is refused before it is sent.
    this.#server.on('checkContinue', this.#onRequest)
    this.#server.on('clientError', this.#onClientError)
    this.#server.on('drop', () => deps.log.warn({ connections: maxConnections }, 'too many connections'))
    if (deps.identity === undefined) this.#server.on('connection', this.#onConnection)
    else {
      this.#server.on('connection', this.#onHandshake)
      this.#server.on('secureConnection', this.#onConnection)
      this.#server.on('tlsClientError', (err: Error) => deps.log.debug({ err }, 'TLS handshake failed'))
    }
  }

  /** Where it listens, with the port that the system chose when it was to; undefined while it doesn't. */
  get address(): string | undefined {
    const bound = this.#server.address() as AddressInfo | null
    return bound === null ? undefined : formatListenAddress({ host: bound.address, port: bound.port })
  }

  /** Throws ERR_LISTEN when the address can't be used. */
  async start(): Promise<void> {
    const { address, setting } = this.#init
    const { identity, log } = this.#deps
    if (identity !== undefined && 'setSecureContext' in this.#server) {
      const server = this.#server
      this.#unwatch = identity.follow((context) => server.setSecureContext(context))
    }
    try {
      this.#server.listen(address)
      await once(this.#server, 'listening')
    } catch (cause) {
      this.#unwatch()
      throw listenFailure(setting, address, cause)
    }
    // Out of file descriptors, say: the next connection may be taken again.
    this.#server.on('error', (err) => log.error({ err }, 'connection not accepted'))
  }

  /** Takes no more connections, closes idle ones, and gives running replies until the drain time-out. */
  stop(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  async #drain(): Promise<void> {
    if (!this.#server.listening) return
    this.#unwatch()
    const { clock, log } = this.#deps
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#handshakes.values()) socket.destroy()
    for (const [socket, replies] of this.#replies) if (replies === 0) socket.destroy()
    const cancel = clock.setTimer(this.#init.drainTimeoutMs, () => {
      log.warn({ connections: this.#replies.size }, 'connections cut at the end of the drain')
      for (const socket of this.#replies.keys()) socket.destroy()
    })
    await closed
    cancel()
  }

  readonly #onRequest: RequestListener = (request, response) => {
    this.#addReply(request.socket, 1)
    response.once('close', () => {
      this.#addReply(request.socket, -1)
    })
    this.#deps.handle(request, response)
  }

  readonly #onConnection = (socket: Socket): void => {
    // Each pipelined request watches the connection.
    socket.setMaxListeners(0)
    this.#handshakes.delete(clientOf(socket))
    this.#replies.set(socket, 0)
    socket.once('close', () => this.#replies.delete(socket))
    this.#makeRoom(socket)
  }

  readonly #onHandshake = (socket: Socket): void => {
    const client = clientOf(socket)
    this.#handshakes.set(client, socket)
    this.#makeRoom(socket)
    socket.once('close', () => {
      if (this.#handshakes.get(client) === socket) this.#handshakes.delete(client)
    })
  }

  /**
   * When `newest` has taken the last place, a connection is closed on which nothing goes on: idle ones, of which a client may have
   * as many as it likes, keep nobody out.
   */
  #makeRoom(newest: Duplex): void {
    if (this.#replies.size + this.#handshakes.size < this.#init.limits.maxConnections) return
    const isOther = (socket: Duplex) => socket !== newest
    const idle = this.#replies.entries().find(([socket, replies]) => replies === 0 && isOther(socket))
    const closed = idle?.[0] ?? this.#handshakes.values().find(isOther)
    closed?.destroy()
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
    if (before + change === 0) this.#replies.delete(socket)
    this.#replies.set(socket, before + change)
    // A reply is closed once the system has all its bytes, so nothing is lost by closing the connection then.
    if (this.#drained !== undefined && before + change === 0) socket.destroy()
  }
}

function serverOptions(limits: HttpLimits): ServerOptions {
  return {
    keepAliveTimeout: limits.idleTimeoutMs,
    headersTimeout: limits.headTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    maxHeaderSize: limits.maxHeadBytes,
    noDelay: true,
    optimizeEmptyRequests: true,
  }
}

// The same for a connection before and after its handshake, for which Node has two objects.
function clientOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
