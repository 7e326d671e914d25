/**
 * A stage that passes exactly `expectedBytes` on, never more. Throws what `makeError` makes, with the number of bytes
 * that have come, when the source ends before or goes on after them.
 */
export function exactLength(expectedBytes: number, makeError: (receivedBytes: number) => Error) {
  return async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let receivedBytes = 0
    for await (const chunk of source) {
      receivedBytes += chunk.length
      if (receivedBytes > expectedBytes) throw makeError(receivedBytes)
      yield chunk
    }
    if (receivedBytes < expectedBytes) throw makeError(receivedBytes)
  }
}
