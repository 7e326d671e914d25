import type { Config } from '@layermesh/config'
import {
  BYTE_SOURCES,
  type Directory,
  LINK_CLASSES,
  type NodeStatus,
  type PeerNetwork,
  type PeerStatus,
  type SourceScope,
} from '@layermesh/interface'

import type { NodeParts } from './node-parts.ts'

const SCOPES: readonly SourceScope[] = [...LINK_CLASSES, 'upstream']

/** When and as what a node was started. */
export interface NodeRun {
  readonly config: Config
  readonly version: string
  /** Unix time in milliseconds. */
  readonly startedAtMs: number
}

/** What the node says of itself at `nowMs` (Unix time in milliseconds). */
export function nodeStatus(parts: NodeParts, run: NodeRun, nowMs: number): NodeStatus {
  const { exchange, fetcher, mirror, network, storage, upstream } = parts
  const { config, startedAtMs, version } = run
  const totals = storage.totals()
  return {
    node: {
      name: config.node.name,
      peerId: network.self.peer,
      version,
      region: config.locality.region,
      site: config.locality.site,
      startedAt: new Date(startedAtMs).toISOString(),
      uptimeSeconds: Math.round((nowMs - startedAtMs) / 1000),
    },
    mirror: { listen: mirror.addresses() },
    mesh: {
      listen: network.self.addresses,
      members: network.members().length,
      authenticated: network.authenticated,
    },
    cache: { blobs: totals.blobs, bytes: totals.bytes, fills: fetcher.fills },
    bytes: {
      served: record(BYTE_SOURCES, (source) => mirror.servedBytes(source)),
      fetched: record(SCOPES, (scope) => fetcher.fetchedBytes(scope)),
      sent: record(LINK_CLASSES, (link) => exchange.sentBytes(link)),
    },
    upstreams: upstream.status(),
  }
}

/** The members of the cluster, nearest first, by name among equally near ones. */
export function peerStatuses(network: PeerNetwork, directory: Directory): PeerStatus[] {
  return network
    .members()
    .toSorted(
      (a, b) => LINK_CLASSES.indexOf(a.link) - LINK_CLASSES.indexOf(b.link) || a.name.localeCompare(b.name),
    )
    .map((member) => ({
      name: member.name,
      peerId: member.peer,
      version: member.version,
      region: member.locality.region,
      site: member.locality.site,
      link: member.link,
      state: member.state ?? 'up',
      load: member.vitals?.load ?? null,
      capabilities: member.vitals?.capabilities ?? [],
      roundTripMs: member.roundTripMs ?? null,
      holds: directory.summaryOf(member.peer),
      addresses: member.addresses,
    }))
}

function record<K extends string>(keys: readonly K[], valueOf: (key: K) => number): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, valueOf(key)])) as Record<K, number>
}
