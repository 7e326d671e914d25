/** A sink that joins all bytes. Throws what `makeError` makes as soon as there are more than `limitBytes`. */
export function collectBytes(limitBytes: number, makeError: () => Error) {
  return async function (source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    let sizeBytes = 0
    for await (const chunk of source) {
      sizeBytes += chunk.length
      if (sizeBytes > limitBytes) throw makeError()
      chunks.push(chunk)
    }
    return Buffer.concat(chunks, sizeBytes)
  }
}
