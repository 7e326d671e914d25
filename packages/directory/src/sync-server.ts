import { ProgressDeadline } from '@layermesh/async'
import { PeerProtocolError, PeerStalledError, type Clock, type PeerStream } from '@layermesh/interface'
import type { SyncAsk, SyncReply } from './sync-conversation.ts'
import { decodeSyncFrame, replyFrame } from './sync-frames.ts'

/** Collaborators and tunables of the server. */
export interface SyncServerDeps {
  readonly clock: Clock
  /** The replies to a client, one for each time that it wants one. */
  readonly answer: (ask: SyncAsk) => Iterator<SyncReply>
  /** After how long without asking a client is given up, in milliseconds. */
  readonly stallTimeoutMs: number
  /** Aborted when this node stops. */
  readonly stopping: AbortSignal
}

/** The server of the sync protocol, for one stream. Throws what goes wrong: the network resets the stream then. */
export async function serveSync(deps: SyncServerDeps, stream: PeerStream): Promise<void> {
  const { clock, stallTimeoutMs, stopping } = deps
  using deadline = new ProgressDeadline(
    clock,
    stallTimeoutMs,
    () => new PeerStalledError(`${stream.peer} asked for nothing for ${stallTimeoutMs} ms`),
  )
  const options = { signal: AbortSignal.any([stopping, deadline.signal]) }
  let replies: Iterator<SyncReply> | undefined
  for (
    let bytes = await stream.receive(options);
    bytes !== undefined;
    bytes = await stream.receive(options)
  ) {
    const frame = decodeSyncFrame(bytes)
    if (frame.kind !== (replies === undefined ? 'ask' : 'next')) {
      throw new PeerProtocolError(`a sync frame of type ${frame.kind} out of turn`)
    }
    if (frame.kind === 'ask') replies = deps.answer(frame)
    const next = replies?.next()
    if (next === undefined || next.done === true) throw new PeerProtocolError('a next frame after the end')
    await stream.send(replyFrame(next.value), options)
    deadline.progress()
  }
}
