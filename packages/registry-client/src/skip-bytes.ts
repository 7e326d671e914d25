/** A stage that swallows the first `count` bytes. */
export function skipBytes(count: number) {
  return async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let left = count
    for await (const chunk of source) {
      const skipped = Math.min(left, chunk.length)
      left -= skipped
      if (skipped < chunk.length) yield skipped === 0 ? chunk : chunk.subarray(skipped)
    }
  }
}
