import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, type Clock, type Locality, type Log, type Metrics } from '@layermesh/interface'
import { createPeerNetwork, type Libp2pPeerNetwork, type PeerNetworkInit } from '@layermesh/mesh'
import { createLog, createMetrics } from '@layermesh/telemetry'

/** What a benchmark says of a node. */
export interface NetworkOptions extends Partial<Pick<PeerNetworkInit, 'bootstrap' | 'encryption'>> {
  readonly name: string
  readonly locality: Locality
}

/** A started network, and what other parts of its node share with it. */
export interface StartedNetwork {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly network: Libp2pPeerNetwork
}

/** Starts the network of a node as the daemon does, on a port of loopback. */
export async function startNetwork({ name, locality, ...init }: NetworkOptions): Promise<StartedNetwork> {
  const parts = {
    clock: systemClock,
    log: createLog({ level: 'error', pretty: false }),
    metrics: createMetrics(),
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'layermesh-bench-'))
  const network = await createPeerNetwork(parts, {
    dataDir,
    facts: { name, version: '0.0.0', locality },
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
    bootstrap: [],
    mdns: false,
    secrets: ['a secret of the benchmark'],
    // All nodes have one address, and a machine that they share is slower than any of them.
    inboundConnectionsPerSecond: 100_000,
    helloTimeoutMs: 60_000,
    ...init,
  })
  // The key is in memory by now.
  await rm(dataDir, { recursive: true })
  await network.start()
  return { ...parts, network }
}

/** Resolves when the network has this many members. */
export async function whenMembers(network: Libp2pPeerNetwork, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const look = () => {
    if (network.members().length >= count) resolve(undefined)
  }
  const stop = network.onMembership({ joined: look })
  look()
  await promise.finally(stop)
}
