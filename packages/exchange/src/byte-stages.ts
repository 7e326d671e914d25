import type { Frame } from '@layermesh/interface'
import { dataFrame } from './blob-frames.ts'

/**
 * Bytes that go into one data frame. A receiver sees a frame only when all of it is there: over a slow link a large one would look like
 * a peer that stands still.
 */
export const DATA_FRAME_BYTES = 128 * 1024

/** A stage that passes exactly `sizeBytes` bytes or throws; calls `onLast` before it passes the last of them. */
export function exactly(sizeBytes: number, onLast: () => void) {
  return async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    let leftBytes = sizeBytes
    for await (const chunk of source) {
      if (chunk.length === 0) continue
      if (chunk.length > leftBytes) throw new Error('the source has more bytes than it said')
      leftBytes -= chunk.length
      if (leftBytes === 0) onLast()
      yield chunk
    }
    if (leftBytes > 0) throw new Error('the source has fewer bytes than it said')
  }
}

/** A stage that makes data frames of bytes, of {@link DATA_FRAME_BYTES} at most. The bytes are copied. */
export async function* toDataFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Frame, void> {
  for await (const chunk of source) {
    for (let offset = 0; offset < chunk.length; offset += DATA_FRAME_BYTES) {
      yield dataFrame(chunk.subarray(offset, offset + DATA_FRAME_BYTES))
    }
  }
}
