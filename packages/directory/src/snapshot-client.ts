import { ProgressDeadline } from '@layermesh/async'
import {
  PeerProtocolError,
  PeerStalledError,
  PeerStreamError,
  type Clock,
  type Digest,
  type PeerId,
  type PeerNetwork,
  type PeerStream,
} from '@layermesh/interface'
import type { HoldingsSnapshot } from './holdings-replica.ts'
import { ASK_FRAME, decodeSnapshotFrame, SNAPSHOT_PROTOCOL } from './snapshot-frames.ts'

/** Collaborators and tunables of the client. */
export interface SnapshotClientDeps {
  readonly network: PeerNetwork
  readonly clock: Clock
  /** For how long a peer may show no life, in milliseconds. */
  readonly stallTimeoutMs: number
  /** Most holdings that are taken from one peer. */
  readonly maxHoldings: number
}

/**
 * The client of the snapshot protocol: all that `peer` holds. Throws ERR_PEER_UNREACHABLE, ERR_PEER_STALLED,
 * ERR_PEER_STREAM and, for frames that make no sense or holdings without end, ERR_PEER_PROTOCOL.
 */
export async function fetchSnapshot(
  deps: SnapshotClientDeps,
  peer: PeerId,
  { signal }: { readonly signal: AbortSignal },
): Promise<HoldingsSnapshot> {
  const { network, clock, stallTimeoutMs, maxHoldings } = deps
  using deadline = new ProgressDeadline(
    clock,
    stallTimeoutMs,
    () => new PeerStalledError(`${peer} has shown no life for ${stallTimeoutMs} ms`),
  )
  const options = { signal: AbortSignal.any([signal, deadline.signal]) }
  const stream = await network.openStream(peer, SNAPSHOT_PROTOCOL, options)
  try {
    const snapshot = await receiveAll(stream, maxHoldings, options, () => deadline.progress())
    await stream.close()
    return snapshot
  } catch (error) {
    stream.abort(error as Error)
    throw error
  }
}

async function receiveAll(
  stream: PeerStream,
  maxHoldings: number,
  options: { readonly signal: AbortSignal },
  onProgress: () => void,
): Promise<HoldingsSnapshot> {
  const holdings = new Map<Digest, number>()
  for (;;) {
    await stream.send(ASK_FRAME, options)
    const bytes = await stream.receive(options)
    if (bytes === undefined) throw new PeerStreamError(`${stream.peer} ended the stream too early`)
    onProgress()
    const frame = decodeSnapshotFrame(bytes)
    if (frame.type === 'end') return { epoch: frame.epoch, sequence: frame.sequence, holdings }
    // An empty part would make no progress, for ever.
    if (frame.type !== 'part' || frame.added.length === 0)
      throw new PeerProtocolError(`a ${frame.type} frame out of turn`)
    for (const [digest, sizeBytes] of frame.added) holdings.set(digest, sizeBytes)
    if (holdings.size > maxHoldings) throw new PeerProtocolError(`more than ${maxHoldings} holdings`)
  }
}
