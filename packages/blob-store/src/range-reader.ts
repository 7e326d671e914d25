import type { FileHandle } from 'node:fs/promises'
import { RangeUnsatisfiableError, type ByteRange } from '@layermesh/interface'
import { allocateBytes } from './allocate-bytes.ts'
import { AlternatingBuffers } from './alternating-buffers.ts'
import { MIN_CHUNK_BYTES, type BufferPool } from './buffer-pool.ts'
import { isSystemError } from './system-error.ts'

/** A file to read ranges of, finished or growing. */
export interface RangeSource {
  readonly file: FileHandle
  readonly sizeBytes: number
  /**
   * Resolves, once the byte at `offset` may be read, to the end of the bytes that may be, at most `limit`.
   * Rejects when it never may, or with `signal.reason`.
   */
  readableEnd(offset: number, limit: number, signal: AbortSignal | undefined): Promise<number>
  /**
   * Those of the readable bytes from `offset` to `end` that are in memory, from the first on without a gap; undefined when the
   * first has to be read from the file. They never change.
   */
  inMemory(offset: number, end: number): Uint8Array | undefined
  /** Called right before each chunk is handed out; throws when no further byte may be. */
  beforeChunk(): void
  /** The error to throw when the file ends, or can't be read on, at `offset`, before its size. */
  endedAt(offset: number): Promise<Error>
}

/** How much of a range that is read in several chunks is left for the last one: what it takes is garbage then. */
const LAST_CHUNK_BYTES = MIN_CHUNK_BYTES

/** Throws ERR_RANGE_UNSATISFIABLE unless `range` lies inside a blob of `sizeBytes`; an empty range may. */
export function requireInside(range: ByteRange, sizeBytes: number): void {
  const { start, end } = range
  const isInside = Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end
  if (!isInside || end > sizeBytes) throw new RangeUnsatisfiableError(sizeBytes)
}

/**
 * Yields the bytes of `range` in order, at most {@link BufferPool.chunkBytes} at a time, lent as `BlobHandle.read` says.
 *
 * Two buffers alternate: the memory of a chunk is written again when the next but one is asked for. The last chunk, which is
 * small, has memory of its own, since no later call tells when its reader is done with it; thereby both buffers are free at the
 * end. A reader that stops before the end may still hold both, so that they are left to the garbage collector.
 */
export async function* readRange(
  source: RangeSource,
  pool: BufferPool,
  range: ByteRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  requireInside(range, source.sizeBytes)
  // There is no byte to wait for, and yet nobody may take a blob for empty before its digest has said so.
  if (source.sizeBytes === 0) await source.readableEnd(0, 0, signal)
  const isSmall = range.end - range.start <= pool.chunkBytes
  const lastStart = Math.max(range.start, range.end - LAST_CHUNK_BYTES)
  const buffers = new AlternatingBuffers(pool)
  let offset = range.start
  try {
    while (offset < range.end) {
      signal?.throwIfAborted()
      const hasOwnMemory = isSmall || offset >= lastStart
      const limit = hasOwnMemory ? range.end : Math.min(offset + pool.chunkBytes, lastStart)
      const end = await source.readableEnd(offset, limit, signal)
      const makeBuffer = () => (hasOwnMemory ? allocateBytes(end - offset) : buffers.next())
      const chunk = source.inMemory(offset, end) ?? (await readChunk(source, offset, end, makeBuffer()))
      signal?.throwIfAborted()
      source.beforeChunk()
      offset += chunk.length
      yield chunk
    }
    buffers.release()
  } finally {
    buffers.abandon()
  }
}

/** Reads into `buffer` what is in the file between `offset` and `end`, as far as it has place for it. */
async function readChunk(
  source: RangeSource,
  offset: number,
  end: number,
  buffer: Uint8Array,
): Promise<Uint8Array> {
  const chunk = buffer.subarray(0, end - offset)
  const bytesRead = await readReadable(source.file, chunk, offset)
  if (bytesRead < chunk.length) throw await source.endedAt(offset + bytesRead)
  return chunk
}

/** Reads from `offset` until `target` is full or the file ends; returns how many bytes there were. */
export async function readFully(file: FileHandle, target: Uint8Array, offset: number): Promise<number> {
  let done = 0
  while (done < target.length) {
    const { bytesRead } = await file.read(target, done, target.length - done, offset + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return done
}

/** As {@link readFully}, but when the disk can't give the bytes back any more (EIO) the file counts as ending at `offset`. */
export async function readReadable(file: FileHandle, target: Uint8Array, offset: number): Promise<number> {
  try {
    return await readFully(file, target, offset)
  } catch (error) {
    if (isSystemError(error, 'EIO')) return 0
    throw error
  }
}
