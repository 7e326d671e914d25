import assert from 'node:assert/strict'

import { DirectoryCore, type HoldingsDelta } from '@layermesh/directory'
import type { PeerId } from '@layermesh/interface'
import { parseDigest } from '@layermesh/oci'
import { ManualClock, seededRandom } from '@layermesh/testkit'

import { heapBytes } from '../../support/heap-bytes.ts'
import { percentile } from '../../support/statistics.ts'
import type { HoldingsRun } from '../holdings-run.ts'

/**
 * A directory that knows `digests` digests, each held by `holders` of its region's `nodes`, who have told of them in
 * deltas. Run with `--expose-gc`.
 */
interface Init {
  readonly digests: number
  readonly holders: number
  readonly nodes: number
  readonly own: number
}

const DELTA_CHANGES = 1000
const HASH_BYTES = 32
const LOOK_UPS = 200_000
const ROUNDS = 5
const MiB = 1024 * 1024

const { digests, holders, nodes, own } = JSON.parse(process.argv[2] ?? '') as Init
const locality = { region: 'eu', site: 'a' }
const clock = new ManualClock()
const peers = Array.from(
  { length: nodes },
  (_, index) => `12D3KooWBenchmarkOfTheDirectoryNode${index}` as PeerId,
)
const core = createCore()
for (const peer of peers) core.joined({ peer, locality })
while (clock.pendingTimers > 0) await Promise.resolve()
await new Promise(setImmediate)

const emptyBytes = heapBytes()
let learnMs = 0
const deltasMs: number[] = []
const sequences = peers.map(() => 0)
for (let share = 0; share < holders; share += 1) {
  for (const [index, peer] of peers.entries()) {
    for (let first = index; first < digests; first += nodes * DELTA_CHANGES) {
      const delta = deltaOf(peer, index, first, share)
      const ms = cpuMsOf(() => core.receive('region', peer, delta))
      learnMs += ms
      deltasMs.push(ms)
    }
  }
}
assert.equal(core.pairs, digests * holders)
const fullBytes = heapBytes()

const texts = Array.from({ length: LOOK_UPS }, (_, index) =>
  parseDigest(`sha256:${Buffer.from(hashOf((index * 7919) % digests)).toString('hex')}`),
)
const lookUps = Array.from({ length: ROUNDS }, () => {
  const startedMs = performance.now()
  const cpuMs = cpuMsOf(() => {
    for (const digest of texts) {
      const found = core.holders(Buffer.from(digest.slice('sha256:'.length), 'hex'))
      if (found.length !== holders) throw new Error(`${digest} has ${found.length} holders`)
    }
  })
  return { cpuMs, wallMs: performance.now() - startedMs }
})

for (const peer of peers) core.left(peer)
assert.equal(core.pairs, 0)
let longestSweepMs = 0
while (clock.pendingTimers > 0)
  longestSweepMs = Math.max(
    longestSweepMs,
    cpuMsOf(() => clock.advance(20)),
  )
await core.stop()
const leftBytes = heapBytes() - emptyBytes

const holder = createCore()
const beforeOwnBytes = heapBytes()
for (let index = 0; index < own; index += 1) holder.announce(hashOf(index), MiB)
const ownBytes = heapBytes() - beforeOwnBytes
assert.equal(holder.beat().own.count, own)

const run: HoldingsRun = {
  bytesPerPair: (fullBytes - emptyBytes) / (digests * holders),
  bytesPerOwnBlob: ownBytes / own,
  lookUpMicroseconds: (1000 * Math.min(...lookUps.map(({ cpuMs }) => cpuMs))) / LOOK_UPS,
  lookUpWallMicroseconds: (1000 * Math.min(...lookUps.map(({ wallMs }) => wallMs))) / LOOK_UPS,
  learnMicroseconds: (1000 * learnMs) / (digests * holders),
  mostDeltasMs: percentile(deltasMs, 0.99),
  longestDeltaMs: Math.max(...deltasMs),
  longestSweepMs,
  bytesPerPairLeft: leftBytes / (digests * holders),
}
process.stdout.write(JSON.stringify(run))

function createCore(): DirectoryCore {
  return new DirectoryCore(
    {
      self: { peer: '12D3KooWBenchmarkOfTheDirectorySelf' as PeerId, locality },
      clock,
      random: seededRandom(1),
      publish: () => {},
      async *requestSync() {
        await Promise.resolve()
        yield { kind: 'end', epoch: 1, sequence: 0 }
      },
      beatNow: () => {},
      onAttempt: () => {},
    },
    { batchDelayMs: 50, gapPatienceMs: 500, maxHoldingsPerPeer: digests },
  )
}

/** One of a node's deltas. In each share the digests are dealt to the nodes in another way. */
function deltaOf(peer: PeerId, index: number, first: number, share: number): HoldingsDelta {
  const added: (readonly [Uint8Array, number])[] = []
  for (let at = first; at < digests && added.length < DELTA_CHANGES; at += nodes) {
    // A node's digests of a share are those of another node in the share before, so that no pair comes twice.
    added.push([hashOf(at - index + ((index + share) % nodes)), MiB + at])
  }
  const sequence = (sequences[index] ?? 0) + 1
  sequences[index] = sequence
  return { kind: 'delta', epoch: 1, sequence, changes: [{ peer, added, removed: [] }] }
}

/** As good as a SHA-256, and without a buffer outside of the heap, whose garbage would be measured too. */
function hashOf(name: number): Uint8Array {
  const random = seededRandom(name)
  const bytes = new Uint8Array(HASH_BYTES)
  for (let at = 0; at < HASH_BYTES; at += 1) bytes[at] = 256 * random()
  return bytes
}

function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
