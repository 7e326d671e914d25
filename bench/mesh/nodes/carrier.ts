import type { PeerStream } from '@layermesh/interface'
import { startNetwork, whenMembers, type NetworkOptions } from './start-network.ts'

/**
 * One end of the measurement of what carries bytes: a network of its own in a process of its own. Requests come over
 * IPC: `addresses` asks where it listens, `pull` moves bytes from the only member to here, `crowd` fills the process
 * with networks that all connect to each other; each is answered when it is done.
 */
export type CarrierRequest =
  | { readonly kind: 'addresses' }
  | { readonly kind: 'pull'; readonly streams: number; readonly mebibytesPerStream: number }
  | { readonly kind: 'crowd'; readonly count: number }

const PROTOCOL = '/layermesh/bench/1.0.0'
const MiB = 1024 * 1024
/** Frames that may be outstanding on a stream, as in the protocol for blobs. */
const OUTSTANDING = 2

const options = JSON.parse(process.argv[2] ?? '') as NetworkOptions
const frame = Buffer.alloc(MiB, 'layermesh')
const { network } = await startNetwork(options)
await network.handle(PROTOCOL, async (stream) => {
  while ((await stream.receive()) !== undefined) await stream.send(frame)
})

process.on('disconnect', () => process.exit())
process.on('message', (request: CarrierRequest) => {
  void answer(request).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})

function answer(request: CarrierRequest): Promise<object> {
  switch (request.kind) {
    case 'addresses':
      return Promise.resolve({ addresses: network.listenAddresses() })
    case 'pull':
      return pull(request.streams, request.mebibytesPerStream)
    case 'crowd':
      return crowd(request.count)
  }
}

async function pull(streams: number, mebibytes: number): Promise<object> {
  await whenMembers(network, 1)
  const [member] = network.members()
  if (member === undefined) throw new Error('there is nobody to pull from')
  const startedMs = performance.now()
  const received = await Promise.all(
    Array.from({ length: streams }, async () => {
      const stream = await network.openStream(member.peer, PROTOCOL)
      const bytes = await receiveAll(stream, mebibytes)
      await stream.close()
      return bytes
    }),
  )
  const seconds = (performance.now() - startedMs) / 1000
  return { seconds, bytes: received.reduce((sum, bytes) => sum + bytes, 0) }
}

async function receiveAll(stream: PeerStream, frames: number): Promise<number> {
  let asked = 0
  let bytes = 0
  for (let received = 0; received < frames; received += 1) {
    while (asked < frames && asked - received < OUTSTANDING) {
      asked += 1
      await stream.send(Uint8Array.of(0))
    }
    const got = await stream.receive()
    if (got === undefined) throw new Error('the stream has ended')
    bytes += got.length
  }
  return bytes
}

async function crowd(count: number): Promise<object> {
  const first = await startNetwork({ ...options, name: 'first' })
  const bootstrap = first.network.listenAddresses()
  const others = await Promise.all(
    Array.from({ length: count - 1 }, (_, index) =>
      startNetwork({ ...options, name: `crowd ${index}`, bootstrap }),
    ),
  )
  const all = [first, ...others]
  await Promise.all(all.map((node) => whenMembers(node.network, count - 1)))
  return {}
}
