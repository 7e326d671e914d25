import { hash } from 'node:crypto'

import { encodeHoldingsBeat, encodeHoldingsMessage } from '@layermesh/directory'
import type { PeerId } from '@layermesh/interface'

/** A cluster, and what goes on in it. */
export interface Talk {
  readonly nodes: number
  readonly nodesPerRegion: number
  /** In the whole cluster, each at one node. */
  readonly newBlobsPerSecond: number
}

/** What one node sends in a second, and receives; messages as often as they are passed on. */
export interface TalkCost {
  readonly nodes: number
  readonly regions: number
  readonly heartbeatsPerSecond: number
  readonly heartbeatBytesPerSecond: number
  readonly regionMessagesPerSecond: number
  readonly clusterMessagesPerSecond: number
  readonly gossipBytesPerSecond: number
}

const BEAT_INTERVAL_S = 5
/** Changes of 50 ms go into one delta. */
const MOST_DELTAS_PER_SECOND = 20
/** gossipsub passes each message on to so many peers, less the one that it came from. */
const GOSSIP_DEGREE = 8
/** Peer id, sequence number, signature, public key, topic and their tags in gossipsub's message. */
const GOSSIP_ENVELOPE_BYTES = 38 + 8 + 64 + 36 + 40 + 14

const PEER = '12D3KooWGatU9uWBeVLTmXqzAjHCt7hUUrXAhBvTbxQ1ymPNmhZf' as PeerId

/** Counts what is said by the rules of docs/protocol.md; sizes are those that the directory writes. */
export function talkCost({ nodes, nodesPerRegion, newBlobsPerSecond }: Talk): TalkCost {
  const regions = Math.ceil(nodes / nodesPerRegion)
  const heartbeatsPerSecond = (nodes - 1) / BEAT_INTERVAL_S
  const state = {
    epoch: 2 ** 47,
    sequence: 100_000,
    count: 5000,
    fingerprint: { high: 2 ** 31, low: 2 ** 31 },
  }
  const beatBytes = encodeHoldingsBeat({ own: { ...state, bytes: 2 ** 40 }, region: undefined }).length
  const blobsOfRegion = newBlobsPerSecond / regions
  const speakersDeltas = Math.min(MOST_DELTAS_PER_SECOND, blobsOfRegion)
  // Who is alone in the world has nobody to speak to.
  const clusterDeltas = regions === 1 ? 0 : regions * speakersDeltas
  const regionMessagesPerSecond = GOSSIP_DEGREE * blobsOfRegion
  const clusterMessagesPerSecond = GOSSIP_DEGREE * clusterDeltas
  return {
    ...{ nodes, regions, heartbeatsPerSecond },
    heartbeatBytesPerSecond: heartbeatsPerSecond * beatBytes,
    ...{ regionMessagesPerSecond, clusterMessagesPerSecond },
    gossipBytesPerSecond:
      regionMessagesPerSecond * gossipBytes(1) +
      clusterMessagesPerSecond * gossipBytes(Math.max(1, Math.round(blobsOfRegion / speakersDeltas))),
  }
}

function gossipBytes(blobs: number): number {
  const added = Array.from(
    { length: blobs },
    (_, index) => [hash('sha256', `${index}`, 'buffer'), 2 ** 24] as const,
  )
  const changes = [{ peer: PEER, added, removed: [] }]
  const delta = encodeHoldingsMessage({ kind: 'delta', epoch: 2 ** 47, sequence: 100_000, changes })
  return GOSSIP_ENVELOPE_BYTES + delta.length
}
