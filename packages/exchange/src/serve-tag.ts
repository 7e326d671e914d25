import { ProgressDeadline } from '@layermesh/async'
import {
  PeerStalledError,
  PeerStreamError,
  type Frame,
  type PeerStream,
  type TagRef,
} from '@layermesh/interface'
import { pipe } from 'it-pipe'
import { outOfTurn } from './conversation.ts'
import type { ServingDeps } from './serve-transfer.ts'
import { decodeTagFrame, NONE_FRAME, recordFrame } from './tag-frames.ts'
import { waitFramesUntil } from './wait-frames.ts'

/** The server of the tag protocol, for one stream. Throws what goes wrong: the network resets the stream then. */
export async function serveTag(deps: ServingDeps, stream: PeerStream): Promise<void> {
  const { clock, idleTimeoutMs, stopping } = deps
  using idle = new ProgressDeadline(
    clock,
    idleTimeoutMs,
    () => new PeerStalledError(`${stream.peer} asked for nothing for ${idleTimeoutMs} ms`),
  )
  const gone = new AbortController()
  const signal = AbortSignal.any([gone.signal, idle.signal, stopping])
  try {
    const ref = await receiveRef(stream, signal)
    await pipe(tagReplies(deps, ref, signal), async (frames) => {
      for await (const frame of frames) {
        await stream.send(frame, { signal })
        idle.progress()
      }
    })
  } catch (error) {
    gone.abort(error)
    throw error
  }
}

async function receiveRef(stream: PeerStream, signal: AbortSignal): Promise<TagRef> {
  const bytes = await stream.receive({ signal })
  if (bytes === undefined) throw new PeerStreamError(`${stream.peer} asked for nothing`)
  const frame = decodeTagFrame(bytes)
  if (frame.type !== 'ask') throw outOfTurn(frame)
  const { upstream, repository, tag, access } = frame
  return { upstream, repository, tag, ...(access !== undefined && { access }) }
}

async function* tagReplies(
  { provider, clock, waitIntervalMs }: ServingDeps,
  ref: TagRef,
  signal: AbortSignal,
): AsyncGenerator<Frame, void> {
  const finding = provider.findTag(ref, { signal })
  yield* waitFramesUntil(finding, clock, waitIntervalMs)
  const record = await finding
  yield record === undefined ? NONE_FRAME : recordFrame(record, clock.now())
}
