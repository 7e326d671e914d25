import type { ServerResponse } from 'node:http'
import { pipe } from 'it-pipe'
import { ContentUnavailableError } from '@layermesh/interface'

/** Called with the size of each chunk, in bytes, when it is handed to the socket. */
export type OnBytes = (bytes: number) => void

/**
 * Waits for the first chunk of `source`, so that a failure before it can still become a reply of its own, and gives
 * the source back whole. The caller must consume or `return()` it.
 */
export async function whenStarted(source: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = source[Symbol.asyncIterator]()
  return resume(await iterator.next(), iterator)
}

/**
 * Writes exactly `sizeBytes` bytes of `source` as the rest of a reply whose head has been written, and ends it.
 * Throws when the source fails, when it has another length (ERR_CONTENT_UNAVAILABLE), and when the connection breaks
 * or `signal` is aborted; the reply has not been ended then and must be cut.
 */
export async function sendBody(
  response: ServerResponse,
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  sizeBytes: number,
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<void> {
  await pipe(source, requireSize(sizeBytes), (chunks) => writeLent(response, chunks, onBytes, signal))
  response.end()
}

async function* resume(
  first: IteratorResult<Uint8Array, unknown>,
  rest: AsyncIterator<Uint8Array, unknown>,
): AsyncGenerator<Uint8Array> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}

/** Passes every byte, or throws when there are fewer or more: either would break the connection's framing. */
function requireSize(sizeBytes: number) {
  return async function* (
    source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    let passedBytes = 0
    for await (const chunk of source) {
      passedBytes += chunk.byteLength
      if (passedBytes > sizeBytes) break
      yield chunk
    }
    if (passedBytes !== sizeBytes) {
      throw new ContentUnavailableError(`the source gave ${passedBytes} bytes, not ${sizeBytes}`)
    }
  }
}

/**
 * Writes chunks whose memory is reused once the source has been asked for two more: while one is on its way to the
 * socket the next is read, and no third is asked for before the first has left.
 */
async function writeLent(
  response: ServerResponse,
  chunks: AsyncIterable<Uint8Array>,
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<void> {
  let previous: Promise<Error | undefined> = Promise.resolve(undefined)
  for await (const chunk of chunks) {
    onBytes(chunk.byteLength)
    const current = write(response, chunk, signal)
    throwIfFailed(await previous)
    previous = current
  }
  throwIfFailed(await previous)
}

function throwIfFailed(error: Error | undefined): void {
  if (error !== undefined) throw error
}

/** Resolves with the error instead of rejecting, since it is awaited only after the next chunk has been read. */
function write(response: ServerResponse, chunk: Uint8Array, signal: AbortSignal): Promise<Error | undefined> {
  const { promise, resolve } = Promise.withResolvers<Error | undefined>()
  // A reply that waits behind another on its connection has no socket, and is told nothing when that closes.
  const onAbort = () => resolve(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  response.write(chunk, (error) => {
    signal.removeEventListener('abort', onAbort)
    resolve(error ?? undefined)
  })
  return promise
}
