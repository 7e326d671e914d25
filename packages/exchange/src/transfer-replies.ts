import { BlobNotFoundError, RangeUnsatisfiableError, type Clock, type Frame } from '@layermesh/interface'
import { pipe } from 'it-pipe'
import { headFrame, pieceFrame, refuseFrame } from './blob-frames.ts'
import { exactly, toDataFrames } from './byte-stages.ts'
import type { ContentProvider, IncomingRequest, ProvidedContent } from './content-provider.ts'
import { isSaneGrid, pieceSizeBytes } from './piece-grid.ts'
import { describeRefusal } from './refusals.ts'
import { waitFramesUntil, withWaitFrames } from './wait-frames.ts'
import type { WantQueue } from './want-queue.ts'

/** What the replies are made from. */
export interface ReplyDeps {
  readonly provider: ContentProvider
  readonly clock: Clock
  /** How often a peer that waits for us hears that we are still at it, in milliseconds. */
  readonly waitIntervalMs: number
  readonly wants: WantQueue
  /** Aborted when nobody wants the replies any more. */
  readonly signal: AbortSignal
}

/**
 * Everything that a server says to a client, in order, until the client wants no more. Throws what the provider
 * throws, ERR_BLOB_NOT_FOUND when it has no such content, and ERR_RANGE_UNSATISFIABLE when there is no such piece.
 */
export async function* transferReplies(
  deps: ReplyDeps,
  request: IncomingRequest,
): AsyncGenerator<Frame, void> {
  const { provider, clock, waitIntervalMs, wants, signal } = deps
  await using opening = openingOf(provider.provide(request, { signal }))
  yield* waitFramesUntil(opening.content, clock, waitIntervalMs)
  const content = await opening.content
  if (content === undefined) throw new BlobNotFoundError(request.ref.digest)
  // Whoever cuts content like this is banned by the other side as a liar.
  if (!isSaneGrid(content)) throw new Error(`pieces of ${content.pieceBytes} bytes can't be sent`)
  wants.answered()
  yield headFrame(content, content.complete, content.availablePieces)
  for (;;) {
    const index = await wants.next(signal)
    if (index === undefined) return
    yield* pieceReplies(deps, content, index)
  }
}

/** What is said instead of the rest when an error ends the replies. */
export function refusalOf(error: unknown): Frame {
  const { reason, ...details } = describeRefusal(error)
  return refuseFrame(reason, details)
}

async function* pieceReplies(
  deps: ReplyDeps,
  content: ProvidedContent,
  index: number,
): AsyncGenerator<Frame, void> {
  const { clock, waitIntervalMs, wants, signal } = deps
  const sizeBytes = pieceSizeBytes(content, index)
  if (sizeBytes === undefined || index >= (content.availablePieces ?? Infinity))
    throw new RangeUnsatisfiableError(content.sizeBytes)
  const finding = content.piece(index, { signal })
  yield* waitFramesUntil(finding, clock, waitIntervalMs)
  const piece = await finding
  yield pieceFrame(content, index, piece.sha256)
  yield* pipe(
    piece.read(),
    exactly(sizeBytes, () => wants.answered()),
    toDataFrames,
    withWaitFrames(clock, waitIntervalMs),
  )
}

/** Content that is being opened. Disposing of it waits until it is, so that nothing stays open behind our back. */
function openingOf(content: Promise<ProvidedContent | undefined>) {
  return {
    content,
    async [Symbol.asyncDispose]() {
      const [outcome] = await Promise.allSettled([content])
      if (outcome.status === 'fulfilled') await outcome.value?.[Symbol.asyncDispose]()
    },
  }
}
