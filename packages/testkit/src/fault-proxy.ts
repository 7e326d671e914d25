import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { ListenError } from '@layermesh/interface'

/** Options of {@link startFaultProxy}. */
export interface FaultProxyOptions {
  /** Where connections go on to. */
  readonly target: { readonly host: string; readonly port: number }
  /** TCP port on 127.0.0.1; 0 means any that is free. @default 0 */
  readonly port?: number
}

/** Payload bytes that went through. */
export interface ProxiedBytes {
  readonly toTarget: number
  readonly fromTarget: number
}

/** A TCP proxy in front of any server, to take the network away from whoever connects through it. */
export interface FaultProxy extends AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly bytes: ProxiedBytes
  /** How many connections go through at the moment. */
  readonly connections: number
  /** Closes all connections, and new ones as soon as they come, until `resume`. */
  cut(): void
  /** Keeps connections open and takes new ones, but lets nothing through until `resume`. */
  stall(): void
  /** Ends a `cut` or a `stall`; what was held back goes on. */
  resume(): void
  /** Closes all connections and stops. Idempotent. */
  close(): Promise<void>
}

/** Starts a proxy on 127.0.0.1. The target need not listen yet. Throws ERR_LISTEN. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const gate = new Gate()
  const links = new Map<readonly Socket[], Promise<void>>()
  const bytes = { toTarget: 0, fromTarget: 0 }

  // Half-open: a client that has said all it has to say still waits for the answer.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = connect({ ...options.target, allowHalfOpen: true, noDelay: true })
    const sockets = [client, target]
    // Both loops see what goes wrong, but only while they run.
    for (const socket of sockets) socket.on('error', () => {})
    const link = Promise.all([
      relay(client, target, gate, (sizeBytes) => (bytes.toTarget += sizeBytes)),
      relay(target, client, gate, (sizeBytes) => (bytes.fromTarget += sizeBytes)),
    ])
      .catch(() => {
        // Whatever ends one direction early ends the connection.
        for (const socket of sockets) socket.destroy()
      })
      .then(() => {
        links.delete(sockets)
      })
    links.set(sockets, link)
    if (gate.state === 'cut') client.destroy()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new ListenError(`can't listen on 127.0.0.1:${options.port ?? 0}`, { cause }))
    })
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })

  const cut = () => {
    gate.set('cut')
    for (const socket of [...links.keys()].flat()) socket.destroy()
  }
  const close = async () => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => {
        resolve()
      })
    })
    cut()
    await Promise.all([closed, ...links.values()])
  }
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    bytes,
    get connections() {
      return links.size
    },
    cut,
    stall: () => {
      gate.set('stalled')
    },
    resume: () => {
      gate.set('open')
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Copies one direction of a connection, no faster than `to` takes it. */
async function relay(
  from: Socket,
  to: Socket,
  gate: Gate,
  onBytes: (sizeBytes: number) => void,
): Promise<void> {
  for await (const chunk of from as AsyncIterable<Buffer>) {
    await gate.pass()
    await new Promise<void>((resolve, reject) => {
      to.write(chunk, (error) => {
        if (error) reject(error)
        else resolve()
      })
    })
    onBytes(chunk.length)
  }
  await gate.pass()
  to.end()
}

/** What all connections go through. */
class Gate {
  state: 'open' | 'stalled' | 'cut' = 'open'
  #waiting: (() => void)[] = []

  set(state: Gate['state']): void {
    this.state = state
    if (state === 'stalled') return
    const waiting = this.#waiting
    this.#waiting = []
    for (const go of waiting) go()
  }

  /** Resolves as soon as the gate isn't stalled; those that were cut find out by their sockets. */
  async pass(): Promise<void> {
    while (this.state === 'stalled') await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}
