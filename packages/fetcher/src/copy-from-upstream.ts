import { gather } from '@layermesh/async'
import {
  type ContentRef,
  type Fill,
  LayermeshError,
  StoreFullError,
  type UpstreamBlob,
  type UpstreamClient,
} from '@layermesh/interface'
import { pipe } from 'it-pipe'

/** How much of a body is read while what came before is being written. */
const MAX_GATHERED_BYTES = 1024 * 1024

/** How often in a row upstream may break off without having sent anything new. */
const MAX_FRUITLESS_ATTEMPTS = 2

/** What a copy works with. */
export interface UpstreamCopy {
  readonly upstream: UpstreamClient
  readonly ref: ContentRef
  /** Where to go on; undefined when no source has told the size yet. */
  readonly fill: Fill | undefined
  /** Gives the fill for content of the size that upstream says. */
  readonly begin: (sizeBytes: number) => Promise<Fill>
  readonly onBytes: (count: number) => void
  /** Asked at the end of each piece whether to leave the rest to another source. */
  readonly shouldYield: () => boolean
  readonly signal: AbortSignal
}

/**
 * Fills what is missing with bytes from upstream, and goes on where it was when a body breaks off; until nothing is
 * missing, or the rest is to come from elsewhere.
 * Throws what the client threw once that has happened {@link MAX_FRUITLESS_ATTEMPTS} times without progress.
 */
export async function copyFromUpstream(copy: UpstreamCopy): Promise<void> {
  let fill = copy.fill
  let fruitless = 0
  for (;;) {
    const start = fill === undefined ? 0 : fill.firstMissing()?.start
    if (start === undefined) return
    let received = 0
    const onBytes = (count: number) => {
      received += count
      copy.onBytes(count)
    }
    try {
      const answer = await copy.upstream.getContent(copy.ref, start, { signal: copy.signal })
      fill = await beginOrReturn(answer, copy.begin)
      if (await writeBody(answer, fill, start, { ...copy, onBytes })) return
    } catch (error) {
      fruitless = received > 0 ? 0 : fruitless + 1
      if (fruitless >= MAX_FRUITLESS_ATTEMPTS || !isUpstreamsTrouble(error)) throw error
    }
  }
}

/** Whether another try may help; a store that is full stays full. */
function isUpstreamsTrouble(error: unknown): boolean {
  return error instanceof LayermeshError && error.retryable && !(error instanceof StoreFullError)
}

/** Writes the body that begins at `start` up to what is on disk already; resolves to whether the rest is left to another source. */
async function writeBody(
  answer: UpstreamBlob,
  fill: Fill,
  start: number,
  { onBytes, shouldYield }: Pick<UpstreamCopy, 'onBytes' | 'shouldYield'>,
): Promise<boolean> {
  const missing = fill.firstMissing()
  return pipe(answer.body, gather(MAX_GATHERED_BYTES), async (body: AsyncIterable<Uint8Array>) => {
    // The fill was replaced by one of another size: its first missing byte is not the one that was asked for.
    if (missing?.start !== start) {
      // Not `body`: a stage that was never read doesn't return its source.
      await returnSource(answer.body)
      return false
    }
    let offset = start
    let piece = Math.floor(start / fill.pieceBytes)
    for await (const chunk of body) {
      const wanted = chunk.subarray(0, missing.end - offset)
      const written = fill.write(offset, wanted)
      offset += wanted.length
      // Before the disk has them: those who read may have them by then.
      onBytes(wanted.length)
      await written
      // At the blob's own end the body is read to its end instead, so that the connection can be used again.
      if (offset === missing.end && offset < answer.sizeBytes) break
      const nextPiece = Math.floor(offset / fill.pieceBytes)
      if (nextPiece > piece && offset < answer.sizeBytes && shouldYield()) return true
      piece = nextPiece
    }
    return false
  })
}

async function beginOrReturn(answer: UpstreamBlob, begin: UpstreamCopy['begin']): Promise<Fill> {
  try {
    return await begin(answer.sizeBytes)
  } catch (error) {
    await returnSource(answer.body)
    throw error
  }
}

/** A body that is not read keeps its connection busy until it is returned. */
async function returnSource(body: AsyncIterable<Uint8Array>): Promise<void> {
  await body[Symbol.asyncIterator]().return?.()
}
