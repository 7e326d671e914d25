/**
 * Makes `return` call `close` whatever has been read so far. A chain of generators alone would not: one that was never
 * asked for a chunk doesn't run its `finally`, and one that waits for a chunk returns only once that has come.
 */
export function closeOnReturn(
  source: AsyncIterable<Uint8Array>,
  close: () => void,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = source[Symbol.asyncIterator]()
      return {
        next: () => iterator.next(),
        async return() {
          close()
          await iterator.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
