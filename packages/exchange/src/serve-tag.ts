import { ProgressDeadline } from '@layermesh/async'
import {
  PeerStalledError,
  PeerStreamError,
  type Frame,
  type PeerStream,
  type Member,
  type TagRecord,
} from '@layermesh/interface'
import { pipe } from 'it-pipe'
import type { IncomingTagRequest } from './content-provider.ts'
import { outOfTurn } from './conversation.ts'
import type { ServingDeps } from './serve-transfer.ts'
import { decodeTagFrame, NONE_FRAME, recordFrame, tagRefusalFrame, type TagRequest } from './tag-frames.ts'
import { waitFramesUntil } from './wait-frames.ts'

/** The server of the tag protocol, for one stream. Throws what goes wrong: the network resets the stream then. */
export async function serveTag(deps: ServingDeps, stream: PeerStream, from: Member): Promise<void> {
  const { clock, idleTimeoutMs, stopping } = deps
  using idle = new ProgressDeadline(
    clock,
    idleTimeoutMs,
    () => new PeerStalledError(`${stream.peer} asked for nothing for ${idleTimeoutMs} ms`),
  )
  const gone = new AbortController()
  const signal = AbortSignal.any([gone.signal, idle.signal, stopping])
  try {
    const request = await receiveRequest(stream, signal)
    await pipe(tagReplies(deps, { ...request, from }, signal), async (frames) => {
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

async function receiveRequest(stream: PeerStream, signal: AbortSignal): Promise<TagRequest> {
  const bytes = await stream.receive({ signal })
  if (bytes === undefined) throw new PeerStreamError(`${stream.peer} asked for nothing`)
  const frame = decodeTagFrame(bytes)
  if (frame.type !== 'ask') throw outOfTurn(frame)
  const { upstream, repository, tag, access, leadScope } = frame
  return { ref: { upstream, repository, tag, ...(access !== undefined && { access }) }, leadScope }
}

async function* tagReplies(
  { provider, clock, waitIntervalMs }: ServingDeps,
  request: IncomingTagRequest,
  signal: AbortSignal,
): AsyncGenerator<Frame, void> {
  const finding = provider.findTag(request, { signal })
  yield* waitFramesUntil(finding, clock, waitIntervalMs)
  let record: TagRecord | undefined
  try {
    record = await finding
  } catch (error) {
    if (request.leadScope === undefined || signal.aborted) throw error
    yield tagRefusalFrame(error)
    return
  }
  yield record === undefined ? NONE_FRAME : recordFrame(record, clock.now())
}
