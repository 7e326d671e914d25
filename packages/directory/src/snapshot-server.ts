import { ProgressDeadline } from '@layermesh/async'
import { PeerProtocolError, PeerStalledError, type Clock, type PeerStream } from '@layermesh/interface'
import type { HoldingsSnapshot } from './holdings-replica.ts'
import { decodeSnapshotFrame, endFrame, MAX_PART_HOLDINGS, partFrame } from './snapshot-frames.ts'

/** Collaborators and tunables of the server. */
export interface SnapshotServerDeps {
  readonly clock: Clock
  /** What this node holds now. */
  readonly snapshot: () => HoldingsSnapshot
  /** After how long without asking a client is given up, in milliseconds. */
  readonly stallTimeoutMs: number
  /** Aborted when this node stops. */
  readonly stopping: AbortSignal
}

/** The server of the snapshot protocol, for one stream. Throws what goes wrong: the network resets the stream then. */
export async function serveSnapshot(deps: SnapshotServerDeps, stream: PeerStream): Promise<void> {
  const { clock, stallTimeoutMs, stopping } = deps
  using deadline = new ProgressDeadline(
    clock,
    stallTimeoutMs,
    () => new PeerStalledError(`${stream.peer} asked for nothing for ${stallTimeoutMs} ms`),
  )
  const options = { signal: AbortSignal.any([stopping, deadline.signal]) }
  let replies: Iterator<Uint8Array> | undefined
  for (
    let bytes = await stream.receive(options);
    bytes !== undefined;
    bytes = await stream.receive(options)
  ) {
    const { type } = decodeSnapshotFrame(bytes)
    if (type !== 'ask') throw new PeerProtocolError(`a ${type} frame out of turn`)
    replies ??= snapshotFrames(deps.snapshot())
    const next = replies.next()
    if (next.done === true) throw new PeerProtocolError('an ask frame after the end')
    await stream.send(next.value, options)
    deadline.progress()
  }
}

/** A snapshot as the frames that answer the client, one for each time that it asks. */
function* snapshotFrames(snapshot: HoldingsSnapshot): Generator<Uint8Array, void> {
  const holdings = [...snapshot.holdings]
  for (let start = 0; start < holdings.length; start += MAX_PART_HOLDINGS) {
    yield partFrame(holdings.slice(start, start + MAX_PART_HOLDINGS))
  }
  yield endFrame(snapshot)
}
