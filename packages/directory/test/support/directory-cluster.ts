import { createDirectory, type DirectoryInit } from '@layermesh/directory'
import {
  silentLog,
  type Clock,
  type Digest,
  type Directory,
  type Log,
  type PeerId,
  type Startable,
} from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createMetrics, type PrometheusMetrics } from '@layermesh/telemetry'
import {
  createMemoryMesh,
  ManualClock,
  seededRandom,
  type MemoryMesh,
  type MemoryPeerNetwork,
} from '@layermesh/testkit'
import { settle } from './eventually.ts'

/** A node with a directory. */
export interface DirectoryNode {
  readonly network: MemoryPeerNetwork
  readonly directory: Directory & Startable
  readonly metrics: PrometheusMetrics
  /** Dies as a process does: the others see it leave. */
  leave(): Promise<void>
}

/** Time between two heartbeats of a node, in milliseconds. */
export const BEAT_INTERVAL_MS = 5000

/** Nodes with directories, on one clock. */
export interface DirectoryCluster {
  readonly clock: ManualClock
  readonly mesh: MemoryMesh
  /** Starts a node that holds `holdings` already, in the region `eu` unless another one is named. */
  join(name: string, holdings?: readonly Digest[], region?: string): Promise<DirectoryNode>
  /** Moves the clock on in small steps with a heartbeat of all in good time, and lets what comes of each happen before the next. */
  pass(ms: number): Promise<void>
}

/** Size of every blob in these tests, in bytes. */
export const BLOB_BYTES = 1000

export function createCluster(init: DirectoryInit = {}, log: Log = silentLog, seed = 1): DirectoryCluster {
  const clock = new ManualClock()
  const mesh = createMemoryMesh({ clock, random: seededRandom(seed) })
  let sinceBeatMs = 0
  return {
    clock,
    mesh,
    async join(name, holdings = [], region = 'eu') {
      const network = mesh.join({ name, version: '1.0.0', locality: { region, site: 'a' } })
      const metrics = createMetrics()
      const directory = createDirectory({ network, clock: clock satisfies Clock, log, metrics }, init)
      for (const digest of holdings) directory.announce(digest, BLOB_BYTES)
      await directory.start()
      return {
        network,
        directory,
        metrics,
        leave() {
          network.leave()
          return directory.stop()
        },
      }
    },
    async pass(ms) {
      for (let passedMs = 0; passedMs < ms; passedMs += 50) {
        clock.advance(50)
        sinceBeatMs += 50
        if (sinceBeatMs >= BEAT_INTERVAL_MS) {
          sinceBeatMs = 0
          mesh.beat()
        }
        await settle()
      }
    },
  }
}

/** The digest of a blob that is called `name`. */
export function blob(name: string | number): Digest {
  return digestOf(Buffer.from(`blob ${name}`))
}

/** The value of a metric, by its name without the prefix and with its labels. */
export async function metricOf(node: DirectoryNode, name: string): Promise<number> {
  const text = await node.metrics.text()
  const line = text.split('\n').find((candidate) => candidate.startsWith(`layermesh_${name} `))
  return Number(line?.split(' ').at(-1))
}

export function peerOf(node: DirectoryNode): PeerId {
  return node.network.self.peer
}

/** Whether `node` knows exactly `digests` of `peer`, out of all the blobs that a test is about. */
export function knows(node: DirectoryNode, peer: PeerId, digests: readonly Digest[]): boolean {
  const { blobs, bytes } = node.directory.summaryOf(peer)
  if (blobs !== digests.length || bytes !== digests.length * BLOB_BYTES) return false
  return digests.every((digest) => node.directory.holders(digest).includes(peer))
}
