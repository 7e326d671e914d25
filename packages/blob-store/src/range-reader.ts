import type { FileHandle } from 'node:fs/promises'
import { RangeUnsatisfiableError, type ByteRange } from '@layermesh/interface'
import { allocateBytes, CHUNK_BYTES, type BufferPool } from './buffer-pool.ts'
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
  /** Called right before each chunk is handed out; throws when no further byte may be. */
  beforeChunk(): void
  /** The error to throw when the file ends, or can't be read on, at `offset`, before its size. */
  endedAt(offset: number): Promise<Error>
}

/** Throws ERR_RANGE_UNSATISFIABLE unless `range` lies inside a blob of `sizeBytes`; an empty range may. */
export function requireInside(range: ByteRange, sizeBytes: number): void {
  const { start, end } = range
  const isInside = Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end
  if (!isInside || end > sizeBytes) throw new RangeUnsatisfiableError(sizeBytes)
}

/**
 * Yields the bytes of `range` in order, at most {@link CHUNK_BYTES} at a time, lent as `BlobHandle.read` says.
 *
 * Two buffers alternate: the memory of a chunk is written again when the next but one is asked for. The last chunk
 * has memory of its own, since no later call tells when its reader is done with it; thereby both buffers are free at the
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
  const isSmall = range.end - range.start <= CHUNK_BYTES
  const buffers: Uint8Array[] = []
  let offset = range.start
  for (let turn = 0; offset < range.end; turn = 1 - turn) {
    signal?.throwIfAborted()
    const end = await source.readableEnd(offset, Math.min(offset + CHUNK_BYTES, range.end), signal)
    const length = end - offset
    const buffer = isSmall || end === range.end ? allocateBytes(length) : (buffers[turn] ??= pool.acquire())
    const chunk = buffer.subarray(0, length)
    const bytesRead = await readReadable(source.file, chunk, offset)
    if (bytesRead < length) throw await source.endedAt(offset + bytesRead)
    signal?.throwIfAborted()
    source.beforeChunk()
    offset = end
    yield chunk
  }
  for (const buffer of buffers) pool.release(buffer)
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
