/** A source of chunks that tells whether it has been closed. */
export interface ByteSource extends AsyncIterable<Uint8Array> {
  readonly closed: boolean
}

/** Yields `chunks` one after the other. */
export function byteSource(...chunks: readonly string[]): ByteSource {
  let closed = false
  return {
    get closed() {
      return closed
    },
    async *[Symbol.asyncIterator]() {
      try {
        for (const chunk of chunks) yield Buffer.from(chunk)
      } finally {
        closed = true
      }
    },
  }
}

/** Reads everything into one string. */
export async function textOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(source)).toString()
}
