import { type Digest, type Fill, FillWriteError, NotKeptError, StoreFullError } from '@layermesh/interface'

import { MemoryFill } from './memory-fill.ts'

const MiB = 1024 * 1024

/** A blob that is larger doesn't go into memory as a whole. No manifest is larger, and hardly a configuration. */
export const MAX_MEMORY_FILL_BYTES = 4 * MiB

/** Memory for the blobs that can't be kept, all together. */
export const MAX_MEMORY_BYTES = 64 * MiB

/** Memory for small blobs that can't be kept. */
export class UnkeptFills {
  #usedBytes = 0

  /** A fill in memory; undefined when the blob is too large, or the memory is taken. */
  startInMemory(digest: Digest, sizeBytes: number): MemoryFill | undefined {
    if (sizeBytes > MAX_MEMORY_FILL_BYTES || this.#usedBytes + sizeBytes > MAX_MEMORY_BYTES) return undefined
    this.#usedBytes += sizeBytes
    return new MemoryFill(digest, sizeBytes, () => {
      this.#usedBytes -= sizeBytes
    })
  }

  /**
   * Goes on in memory where the disk has refused `refused`; ends that fill with `reason`. `sameBytes` is how much of it
   * could be taken over. Undefined as for `startInMemory`.
   */
  async moveToMemory(
    refused: Fill,
    reason: Error,
  ): Promise<{ readonly fill: MemoryFill; readonly sameBytes: number } | undefined> {
    const fill = this.startInMemory(refused.digest, refused.sizeBytes)
    if (fill === undefined) return undefined
    const handle = openUnlessEnded(refused)
    await refused.fail(reason)
    if (handle !== undefined) {
      await using opened = handle
      await copyReadable(opened.read(), fill)
    }
    return { fill, sameBytes: fill.firstMissing()?.start ?? fill.sizeBytes }
  }
}

/** Whether the store has no place for a blob, or is not to have it; it can be passed on all the same. */
export function isRefusedByStore(error: unknown): error is StoreFullError | FillWriteError | NotKeptError {
  return error instanceof StoreFullError || error instanceof FillWriteError || error instanceof NotKeptError
}

function openUnlessEnded(fill: Fill) {
  try {
    return fill.open()
  } catch {
    return undefined
  }
}

/** Stops where the bytes stop. */
async function copyReadable(bytes: AsyncIterable<Uint8Array>, fill: MemoryFill): Promise<void> {
  let offset = 0
  try {
    for await (const chunk of bytes) {
      await fill.write(offset, chunk)
      offset += chunk.length
    }
  } catch {
    // What is missing is fetched again.
  }
}
