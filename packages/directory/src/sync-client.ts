import { ProgressDeadline } from '@layermesh/async'
import {
  PeerProtocolError,
  PeerStalledError,
  PeerStreamError,
  type Clock,
  type PeerId,
  type PeerNetwork,
} from '@layermesh/interface'
import type { SyncAsk, SyncReply } from './sync-conversation.ts'
import { askFrame, decodeSyncFrame, NEXT_FRAME, SYNC_PROTOCOL } from './sync-frames.ts'

/** Collaborators and tunables of the client. */
export interface SyncClientDeps {
  readonly network: PeerNetwork
  readonly clock: Clock
  /** For how long a peer may show no life, in milliseconds. */
  readonly stallTimeoutMs: number
}

/**
 * The client of the sync protocol: the replies of `peer` to `ask`, up to the one that ends them. Throws
 * ERR_PEER_UNREACHABLE, ERR_PEER_STALLED, ERR_PEER_STREAM and, for frames that make no sense, ERR_PEER_PROTOCOL.
 */
export async function* requestSync(
  { network, clock, stallTimeoutMs }: SyncClientDeps,
  peer: PeerId,
  ask: SyncAsk,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<SyncReply, void> {
  using deadline = new ProgressDeadline(
    clock,
    stallTimeoutMs,
    () => new PeerStalledError(`${peer} has shown no life for ${stallTimeoutMs} ms`),
  )
  const options = { signal: AbortSignal.any([signal, deadline.signal]) }
  const stream = await network.openStream(peer, SYNC_PROTOCOL, options)
  let isOver = false
  try {
    for (let question = askFrame(ask); !isOver; question = NEXT_FRAME) {
      await stream.send(question, options)
      const bytes = await stream.receive(options)
      if (bytes === undefined) throw new PeerStreamError(`${peer} ended the stream too early`)
      deadline.progress()
      const reply = decodeSyncFrame(bytes)
      if (reply.kind === 'ask' || reply.kind === 'next') {
        throw new PeerProtocolError(`a sync frame of type ${reply.kind} out of turn`)
      }
      isOver = reply.kind !== 'part'
      yield reply
    }
    await stream.close()
  } finally {
    if (!isOver) stream.abort(new Error('the sync is given up'))
  }
}
