import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { STREAM_WINDOW_BYTES } from '../../src/peer-stream.ts'

const PROTOCOL = '/layermesh/test/1.0.0'

/** A libp2p node that knows nothing of layermesh. */
export function createPlainNode(): Promise<Libp2p> {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        streamOptions: {
          initialStreamWindowSize: STREAM_WINDOW_BYTES,
          maxStreamWindowSize: STREAM_WINDOW_BYTES,
        },
      }),
    ],
    connectionMonitor: { enabled: false },
  })
}

/** Two plain nodes with one connection, for any number of streams between them. */
export class PlainPair implements AsyncDisposable {
  readonly #nodes: readonly Libp2p[]
  readonly #accepted: readonly Stream[]
  readonly connection: Connection

  private constructor(nodes: readonly Libp2p[], accepted: readonly Stream[], connection: Connection) {
    this.#nodes = nodes
    this.#accepted = accepted
    this.connection = connection
  }

  static async create(): Promise<PlainPair> {
    const [near, far] = [await createPlainNode(), await createPlainNode()]
    const accepted: Stream[] = []
    await far.handle(PROTOCOL, (stream) => void accepted.push(stream), { maxInboundStreams: 256 })
    return new PlainPair([near, far], accepted, await near.dial(far.getMultiaddrs()))
  }

  /** Opens a stream; returns the opener's end and the other one. */
  async open(): Promise<readonly [Stream, Stream]> {
    const near = await this.connection.newStream(PROTOCOL, { maxOutboundStreams: 256 })
    const far = this.#accepted.find(({ id }) => id === near.id)
    if (far === undefined) throw new Error('the stream has not been accepted')
    return [near, far]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) await node.stop()
  }
}
