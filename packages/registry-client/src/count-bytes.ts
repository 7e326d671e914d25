/** A stage that tells how long each chunk is, and passes it on. */
export function countBytes(onBytes: (count: number) => void) {
  return async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      onBytes(chunk.length)
      yield chunk
    }
  }
}
