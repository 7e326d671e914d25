import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** Stands between two nodes and can let a connection go silent, as a pulled cable does. */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
  }

  /** Starts a proxy to the port of `target`, a multiaddr on loopback. */
  static async start(target: string): Promise<TcpProxy> {
    const port = Number(/\/tcp\/(\d+)/.exec(target)?.[1])
    const server = createServer((near) => proxy.#join(near, connect(port, '127.0.0.1')))
    const proxy = new TcpProxy(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  /** The multiaddr to dial. */
  get address(): string {
    return `/ip4/127.0.0.1/tcp/${(this.#server.address() as AddressInfo).port}`
  }

  /** From now on nothing gets through, and nobody is told. */
  freeze(): void {
    for (const socket of this.#sockets) socket.unpipe().pause()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(near: Socket, far: Socket): void {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from)
      from.pipe(to)
      // A reset on one side is one on the other.
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
  }
}
