import type { Frame } from '@layermesh/interface'
import { dataFrame, MAX_DATA_BYTES } from './blob-frames.ts'

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

/** A stage that makes data frames of bytes, as few as possible. The bytes are copied. */
export async function* toDataFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Frame, void> {
  for await (const chunk of source) {
    for (let offset = 0; offset < chunk.length; offset += MAX_DATA_BYTES) {
      yield dataFrame(chunk.subarray(offset, offset + MAX_DATA_BYTES))
    }
  }
}
