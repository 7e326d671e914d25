import { hash } from 'node:crypto'

import { encodeHoldingsBeat, encodeHoldingsMessage } from '@layermesh/directory'
import type { PeerId } from '@layermesh/interface'
import { BEAT_INTERVAL_MS, encodeBeat, GOSSIP_DEGREE, GOSSIP_HINTS } from '@layermesh/mesh'

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
  /** Part of the bytes of gossip: which messages there were. */
  readonly hintBytesPerSecond: number
  /** The same by the default of gossipsub, for comparison: a quarter of all peers that a message isn't passed on to. */
  readonly defaultHintBytesPerSecond: number
}

/** Changes of 50 ms go into one delta. */
const MOST_DELTAS_PER_SECOND = 20
/** Peer id, sequence number, signature, public key, topic and their tags in gossipsub's message. */
const GOSSIP_ENVELOPE_BYTES = 38 + 8 + 64 + 36 + 40 + 14
/** Public key, sequence number and tag: what stands for a message in a hint. */
const HINT_BYTES = 36 + 8 + 2
/** Each message is hinted at in the heartbeats of gossipsub of so many seconds. */
const HINT_TIMES = 3
/** The default of gossipsub. */
const DEFAULT_HINT_SHARE = 0.25
/** Type, flags, stream and length of a frame of yamux, and the length of the message in it. */
const STREAM_FRAME_BYTES = 12 + 2

const PEER = '12D3KooWGatU9uWBeVLTmXqzAjHCt7hUUrXAhBvTbxQ1ymPNmhZf' as PeerId
const CAPABILITIES = ['/layermesh/holdings-sync/1.0.0', '/layermesh/blob/1.0.0', '/layermesh/tag/1.0.0']

/** Counts what is said by the rules of docs/protocol.md; sizes are those that the daemon writes. */
export function talkCost({ nodes, nodesPerRegion, newBlobsPerSecond }: Talk): TalkCost {
  const regions = Math.ceil(nodes / nodesPerRegion)
  const heartbeatsPerSecond = ((nodes - 1) * 1000) / BEAT_INTERVAL_MS
  const blobsOfRegion = newBlobsPerSecond / regions
  const speakersDeltas = Math.min(MOST_DELTAS_PER_SECOND, blobsOfRegion)
  // Who is alone in the world has nobody to speak to.
  const clusterDeltas = regions === 1 ? 0 : regions * speakersDeltas
  const regionMessagesPerSecond = GOSSIP_DEGREE * blobsOfRegion
  const clusterMessagesPerSecond = GOSSIP_DEGREE * clusterDeltas
  const hinted = (peersOf: (others: number) => number) =>
    HINT_TIMES *
    HINT_BYTES *
    (blobsOfRegion * peersOf(Math.min(nodes, nodesPerRegion) - 1 - GOSSIP_DEGREE) +
      clusterDeltas * peersOf(nodes - 1 - GOSSIP_DEGREE))
  const hintBytesPerSecond = hinted(() => GOSSIP_HINTS)
  const blobsOfDelta = Math.max(1, Math.round(blobsOfRegion / speakersDeltas))
  return {
    ...{ nodes, regions, heartbeatsPerSecond },
    heartbeatBytesPerSecond: heartbeatsPerSecond * heartbeatBytes(),
    ...{ regionMessagesPerSecond, clusterMessagesPerSecond },
    gossipBytesPerSecond:
      regionMessagesPerSecond * gossipBytes(1) +
      clusterMessagesPerSecond * gossipBytes(blobsOfDelta) +
      hintBytesPerSecond,
    hintBytesPerSecond,
    defaultHintBytesPerSecond: hinted((others) => Math.max(GOSSIP_HINTS, DEFAULT_HINT_SHARE * others)),
  }
}

/** As it goes into the connection, before encryption. */
function heartbeatBytes(): number {
  const state = {
    epoch: 2 ** 47,
    sequence: 100_000,
    count: 5000,
    fingerprint: { high: 2 ** 31, low: 2 ** 31 },
  }
  const beat = encodeBeat({
    ...{ epoch: 2 ** 47, sequence: 100_000, leaving: false, roundTripMs: 1.234 },
    vitals: { load: 0.123, capabilities: CAPABILITIES },
    fingerprint: encodeHoldingsBeat({ own: { ...state, bytes: 2 ** 40 }, region: undefined }),
  })
  return STREAM_FRAME_BYTES + beat.length
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
