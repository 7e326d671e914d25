/**
 * A stage that reads ahead while its reader is busy, and gives what has come meanwhile as one chunk: a reader that costs
 * the same for each chunk, as one that writes to a disk does, thereby keeps up with a source of small ones. A reader that
 * waits gets each chunk as it comes. Holds `maxBytes` and one chunk of the source at most.
 *
 * An error of the source comes after all bytes that came before it. When the reader goes away while the source is waited for,
 * `return` resolves when the source's does.
 */
export function gather(maxBytes: number) {
  return async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const iterator = source[Symbol.asyncIterator]()
    const ahead = new ReadAhead(iterator, maxBytes)
    try {
      for (let chunk = await ahead.take(); chunk !== undefined; chunk = await ahead.take()) yield chunk
    } finally {
      ahead.stop()
      await iterator.return?.()
    }
  }
}

class ReadAhead {
  readonly #iterator: AsyncIterator<Uint8Array>
  readonly #maxBytes: number
  #chunks: Uint8Array[] = []
  #bytes = 0
  #end: { readonly error?: unknown } | undefined
  #isReading = false
  #wake: (() => void) | undefined

  constructor(iterator: AsyncIterator<Uint8Array>, maxBytes: number) {
    this.#iterator = iterator
    this.#maxBytes = maxBytes
  }

  /** All that has come, at least one chunk; undefined at the end. */
  async take(): Promise<Uint8Array | undefined> {
    this.#read()
    while (this.#chunks.length === 0) {
      if (this.#end !== undefined) {
        if ('error' in this.#end) throw this.#end.error
        return undefined
      }
      const { promise, resolve } = Promise.withResolvers<undefined>()
      this.#wake = () => resolve(undefined)
      await promise
    }
    const [first] = this.#chunks
    const taken = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks)
    this.#chunks = []
    this.#bytes = 0
    this.#read()
    return taken
  }

  /** Reads no further. */
  stop(): void {
    this.#end ??= {}
  }

  /** Keeps one read under way while there is room for what it brings. */
  #read(): void {
    if (this.#isReading || this.#end !== undefined || this.#bytes >= this.#maxBytes) return
    this.#isReading = true
    this.#iterator.next().then(
      ({ done, value }) => {
        if (done === true) this.#end ??= {}
        else this.#add(value)
        this.#settled()
      },
      (error: unknown) => {
        this.#end ??= { error }
        this.#settled()
      },
    )
  }

  #add(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  #settled(): void {
    this.#isReading = false
    this.#wake?.()
    this.#wake = undefined
    this.#read()
  }
}
