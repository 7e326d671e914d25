import assert from 'node:assert/strict'
import { setImmediate, setTimeout } from 'node:timers/promises'
import {
  linkClassOf,
  MAX_FRAME_BYTES,
  type LayermeshError,
  type PeerNetwork,
  type PeerStream,
  type PeerStreamHandler,
} from '@layermesh/interface'
import { seededBytes } from './seeded-bytes.ts'

/** How the suite gets networks, and the functions of the test runner that it registers its tests with. */
export interface PeerNetworkHarness {
  /** Nodes that all have each other as members; at least one pair is in different sites. */
  create(count: number): Promise<readonly PeerNetwork[]>
  /** Stops a node; the others see it leave. */
  destroy(network: PeerNetwork): Promise<void>
}

/** The part of mocha that the suite uses. */
interface TestRunner {
  readonly describe: (title: string, body: () => void) => void
  readonly it: (title: string, body: () => Promise<void>) => void
}

const PROTOCOL = '/layermesh/contract/1.0.0'
const TOPIC = '/layermesh/contract/1'
const MiB = 1024 * 1024

/** What every {@link PeerNetwork} does. Call it inside a mocha run; it registers its own `describe`. */
export function peerNetworkContract(harness: PeerNetworkHarness): void {
  const { describe, it } = globalThis as unknown as TestRunner

  /** Runs `body` with nodes that are destroyed afterwards, those that it destroyed itself included. */
  const withNetworks =
    (count: number, body: (networks: readonly PeerNetwork[]) => Promise<void>) => async () => {
      const networks = await harness.create(count)
      try {
        await body(networks)
      } finally {
        await Promise.all(networks.map((network) => harness.destroy(network)))
      }
    }

  /** Runs `body` with both ends of a stream; the serving end stays open until `body` is over. */
  const withStream = (body: (near: PeerStream, far: PeerStream) => Promise<void>) =>
    withNetworks(2, async (networks) => {
      const [opener, server] = networks as [PeerNetwork, PeerNetwork]
      const over = Promise.withResolvers<undefined>()
      const accepted = Promise.withResolvers<PeerStream>()
      await server.handle(PROTOCOL, async (stream) => {
        accepted.resolve(stream)
        await over.promise
      })
      const near = await opener.openStream(server.self.peer, PROTOCOL)
      try {
        // A carrier may open the stream with its first frame.
        await near.send(Uint8Array.of(0))
        const far = await accepted.promise
        assert.deepEqual(await frameOf(far), [0])
        await body(near, far)
      } finally {
        over.resolve(undefined)
        near.abort(new Error('the test is over'))
      }
    })

  const withHandler = (
    handler: PeerStreamHandler,
    body: (near: PeerStream, opener: PeerNetwork, server: PeerNetwork) => Promise<void>,
  ) =>
    withNetworks(2, async (networks) => {
      const [opener, server] = networks as [PeerNetwork, PeerNetwork]
      await server.handle(PROTOCOL, handler)
      const near = await opener.openStream(server.self.peer, PROTOCOL)
      await near.send(Uint8Array.of(0))
      await body(near, opener, server)
    })

  describe('PeerNetwork', () => {
    describe('members', () => {
      it(
        'lists the other nodes with what they say of themselves and the link to them',
        withNetworks(3, async (networks) => {
          for (const network of networks) {
            const others = networks.filter((other) => other !== network)
            const members = network.members()
            assert.deepEqual(
              members.map(({ peer }) => peer).sort(),
              others.map(({ self }) => self.peer).sort(),
            )
            for (const { self } of others) {
              const member = members.find(({ peer }) => peer === self.peer)
              assert.equal(member?.name, self.name)
              assert.equal(member.version, self.version)
              assert.deepEqual(member.locality, self.locality)
              assert.equal(member.link, linkClassOf(network.self.locality, self.locality))
            }
          }
          assert.ok(networks.some((network) => network.members().some(({ link }) => link !== 'site')))
          return Promise.resolve()
        }),
      )

      it(
        'tells the fingerprint that a node supplies to all its members',
        withNetworks(3, async (networks) => {
          const [author, ...others] = networks as [PeerNetwork, ...PeerNetwork[]]
          const arrived = others.map((network) => {
            const told = Promise.withResolvers<readonly [string, ...number[]]>()
            network.onMembership({
              fingerprint: ({ peer }, fingerprint) => told.resolve([peer, ...fingerprint]),
            })
            return told.promise
          })
          author.setFingerprint(() => Uint8Array.of(1, 2, 3))
          for (const told of await Promise.all(arrived)) assert.deepEqual(told, [author.self.peer, 1, 2, 3])
        }),
      )

      it(
        'loses a node that is destroyed, and tells so',
        withNetworks(2, async (networks) => {
          const [staying, leaving] = networks as [PeerNetwork, PeerNetwork]
          const left = Promise.withResolvers<string>()
          staying.onMembership({ left: ({ peer }) => left.resolve(peer) })
          await harness.destroy(leaving)
          assert.equal(await left.promise, leaving.self.peer)
          assert.deepEqual(staying.members(), [])
          await rejectsWith('ERR_PEER_UNREACHABLE', staying.openStream(leaving.self.peer, PROTOCOL))
        }),
      )

      it(
        'loses a node that is banned, on both sides',
        withNetworks(2, async (networks) => {
          const [banning, banned] = networks as [PeerNetwork, PeerNetwork]
          const left = Promise.withResolvers<undefined>()
          const leftThere = Promise.withResolvers<undefined>()
          banning.onMembership({ left: () => left.resolve(undefined) })
          banned.onMembership({ left: () => leftThere.resolve(undefined) })
          banning.ban(banned.self.peer, 3_600_000)
          await Promise.all([left.promise, leftThere.promise])
          assert.deepEqual(banning.members(), [])
          await rejectsWith('ERR_PEER_UNREACHABLE', banning.openStream(banned.self.peer, PROTOCOL))
        }),
      )
    })

    describe('openStream', () => {
      it(
        'rejects with ERR_PEER_UNREACHABLE when the peer is no member or serves no such protocol',
        withNetworks(2, async (networks) => {
          const [opener, server] = networks as [PeerNetwork, PeerNetwork]
          await rejectsWith(
            'ERR_PEER_UNREACHABLE',
            opener.openStream(server.self.peer, '/layermesh/none/1.0.0'),
          )
          await rejectsWith('ERR_PEER_UNREACHABLE', opener.openStream(opener.self.peer, PROTOCOL))
        }),
      )

      it(
        'rejects with the reason of a signal that is aborted before',
        withNetworks(2, async (networks) => {
          const [opener, server] = networks as [PeerNetwork, PeerNetwork]
          await server.handle(PROTOCOL, () => Promise.resolve())
          const reason = new Error('not wanted any more')
          const opening = opener.openStream(server.self.peer, PROTOCOL, { signal: AbortSignal.abort(reason) })
          await assert.rejects(opening, reason)
        }),
      )

      it(
        'tells the handler which member opened the stream',
        withNetworks(2, async (networks) => {
          const [opener, server] = networks as [PeerNetwork, PeerNetwork]
          const seen = Promise.withResolvers<readonly string[]>()
          await server.handle(PROTOCOL, (stream, member) => {
            seen.resolve([stream.peer, member.peer, member.name])
            return Promise.resolve()
          })
          const near = await opener.openStream(server.self.peer, PROTOCOL)
          await near.send(Uint8Array.of(0))
          assert.deepEqual(await seen.promise, [opener.self.peer, opener.self.peer, opener.self.name])
          assert.equal(near.peer, server.self.peer)
        }),
      )
    })

    describe('PeerStream', () => {
      it(
        'carries frames of any length both ways, whole and in order',
        withStream(async (near, far) => {
          const frames = [1, 2, 127, 128, 65_535, 65_536, MiB, MAX_FRAME_BYTES, 3].map((sizeBytes, index) =>
            seededBytes(`frame ${index}`, sizeBytes),
          )
          for (const [from, to] of [
            [near, far],
            [far, near],
          ] as const) {
            const sent = sendAll(from, frames)
            for (const frame of frames) assert.ok(frame.equals((await to.receive()) ?? Buffer.alloc(0)))
            await sent
          }
        }),
      )

      it(
        'lets a sender wait while the receiver takes nothing',
        withStream(async (near, far) => {
          const frame = seededBytes('a frame', MiB)
          let sent = 0
          const sending = (async () => {
            for (; sent < 64; sent += 1) await near.send(frame)
          })()
          // Work of the same kind goes on meanwhile, so that the sender has had its chance.
          for (let turn = 0; turn < 200; turn += 1) {
            await far.send(frame.subarray(0, 1024))
            await near.receive()
            await setImmediate()
          }
          assert.ok(sent < 64, 'all frames were accepted though nobody took one')
          for (let taken = 0; taken < 64; taken += 1)
            assert.ok(frame.equals((await far.receive()) ?? Buffer.alloc(0)))
          await sending
        }),
      )

      it(
        'yields undefined after the last frame of a peer that closed its side, which still receives',
        withStream(async (near, far) => {
          await near.send(Uint8Array.of(1))
          await near.close()
          await near.close()
          assert.deepEqual(await frameOf(far), [1])
          assert.equal(await far.receive(), undefined)
          await far.send(Uint8Array.of(2))
          assert.deepEqual(await frameOf(near), [2])
        }),
      )

      it(
        'rejects with ERR_PEER_STREAM on both ends when one aborts',
        withStream(async (near, far) => {
          const waiting = [near.receive(), far.receive()]
          const rejected = Promise.all(waiting.map((receive) => rejectsWith('ERR_PEER_STREAM', receive)))
          far.abort(new Error('enough'))
          far.abort(new Error('enough'))
          await rejected
          await rejectsWith('ERR_PEER_STREAM', near.send(Uint8Array.of(1)))
          await rejectsWith('ERR_PEER_STREAM', far.send(Uint8Array.of(1)))
          await rejectsWith('ERR_PEER_STREAM', near.receive())
        }),
      )

      it(
        'loses no frame when a receive is aborted by its signal',
        withStream(async (near, far) => {
          const reason = new Error('not now')
          const controller = new AbortController()
          const waiting = far.receive({ signal: controller.signal })
          const rejected = assert.rejects(waiting, reason)
          controller.abort(reason)
          await rejected
          await near.send(Uint8Array.of(7))
          assert.deepEqual(await frameOf(far), [7])
          await assert.rejects(near.send(Uint8Array.of(8), { signal: controller.signal }), reason)
        }),
      )

      it(
        'never hands over a frame that is longer than the limit',
        withStream(async (near, far) => {
          const received = far.receive()
          const [, outcome] = await Promise.allSettled([
            near.send(Buffer.alloc(MAX_FRAME_BYTES + 1)),
            received,
          ])
          // A carrier that refuses to send it resets the stream, one that sends it has it refused.
          assert.equal(outcome.status, 'rejected')
          assert.match((outcome.reason as LayermeshError).code, /^ERR_PEER_(?:PROTOCOL|STREAM)$/)
        }),
      )

      it(
        'rejects with ERR_PEER_STREAM when the handler throws',
        withHandler(
          async (stream) => {
            await stream.receive()
            throw new Error('the handler failed')
          },
          (near) => rejectsWith('ERR_PEER_STREAM', near.receive()),
        ),
      )

      it(
        'ends in good order when the handler returns, and another one can be opened',
        withHandler(
          async (stream) => {
            await stream.send(Uint8Array.of(5))
          },
          async (near, opener, server) => {
            assert.deepEqual(await frameOf(near), [5])
            assert.equal(await near.receive(), undefined)
            await near.close()
            const again = await opener.openStream(server.self.peer, PROTOCOL)
            await again.send(Uint8Array.of(0))
            assert.deepEqual(await frameOf(again), [5])
            await again.close()
          },
        ),
      )

      it(
        'lets nobody wait for a peer that is gone',
        withNetworks(2, async (networks) => {
          const [opener, server] = networks as [PeerNetwork, PeerNetwork]
          const accepted = Promise.withResolvers<undefined>()
          await server.handle(PROTOCOL, async (stream) => {
            accepted.resolve(undefined)
            while ((await stream.receive()) !== undefined);
          })
          const near = await opener.openStream(server.self.peer, PROTOCOL)
          await near.send(Uint8Array.of(0))
          await accepted.promise
          const received = near.receive()
          await harness.destroy(server)
          // A node that stops in good order may still close its streams.
          const [outcome] = await Promise.allSettled([received])
          if (outcome.status === 'fulfilled') assert.equal(outcome.value, undefined)
          else assert.equal((outcome.reason as LayermeshError).code, 'ERR_PEER_STREAM')
        }),
      )
    })

    describe('gossip', () => {
      it(
        'reaches every other subscriber with its author, and never its author',
        withNetworks(3, async (networks) => {
          const [author, ...others] = networks as [PeerNetwork, ...PeerNetwork[]]
          author.subscribe(TOPIC, () => assert.fail('an author received its own message'))
          const arrived = others.map((network) => {
            const message = Promise.withResolvers<readonly [string, number | undefined]>()
            network.subscribe(TOPIC, (from, bytes) => message.resolve([from, bytes[0]]))
            return message.promise
          })
          const published = publishOften(author, 42)
          for (const message of await Promise.all(arrived)) assert.deepEqual(message, [author.self.peer, 42])
          await published.stop()
        }),
      )

      it(
        'no longer reaches a handler that has unsubscribed',
        withNetworks(2, async (networks) => {
          const [author, other] = networks as [PeerNetwork, PeerNetwork]
          let calls = 0
          const unsubscribe = other.subscribe(TOPIC, () => (calls += 1))
          unsubscribe()
          unsubscribe()
          const arrived = Promise.withResolvers<undefined>()
          other.subscribe(TOPIC, () => arrived.resolve(undefined))
          const published = publishOften(author, 42)
          await arrived.promise
          await published.stop()
          assert.equal(calls, 0)
        }),
      )
    })
  })
}

async function sendAll(stream: PeerStream, frames: readonly Uint8Array[]): Promise<void> {
  for (const frame of frames) await stream.send(frame)
}

async function frameOf(stream: PeerStream): Promise<number[] | undefined> {
  const frame = await stream.receive()
  return frame === undefined ? undefined : [...frame]
}

async function rejectsWith(code: LayermeshError['code'], promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error: LayermeshError) => {
    assert.equal(error.code, code)
    return true
  })
}

/**
 * Gossip is best effort, and subscriptions take time to spread: publishes `head` and a running number, again and
 * again until it is stopped. The pause only keeps it from flooding.
 */
function publishOften(author: PeerNetwork, head: number): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const loop = (async () => {
    for (let turn = 0; !stopping.signal.aborted; turn += 1) {
      await author.publish(TOPIC, Uint8Array.of(head, turn >> 8, turn & 0xff))
      await setTimeout(20)
    }
  })()
  return {
    stop() {
      stopping.abort()
      return loop
    },
  }
}
