import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { RateLimiter } from './rate-limiter.ts'
import type { Reply } from './reply.ts'

/** Bytes handed to the system at a time; also how exactly a client that hangs up is accounted for. */
const CHUNK_BYTES = 64 * 1024

/** Options of {@link sendReply}. */
export interface SendReplyOptions {
  /** Called whenever the system has taken more of the body; headers and chunk framing don't count. */
  readonly onSent: (sizeBytes: number) => void
  /** The link that the body goes over. @default as fast as the client reads */
  readonly limiter?: RateLimiter | undefined
}

/** Whether the reply was sent to its end, or either side hung up before. */
export type SendOutcome = 'complete' | 'aborted'

/** Sends a reply as it says, no faster than the client reads it. Resolves when the exchange is over. */
export async function sendReply(
  response: ServerResponse,
  reply: Reply,
  options: SendReplyOptions,
): Promise<SendOutcome> {
  const closed = new Promise<void>((resolve) => response.once('close', resolve))
  // A client may hang up at any time; 'close' tells.
  response.on('error', () => {})
  const { body, disruption } = reply
  const wholeBytes = response.req.method === 'HEAD' ? 0 : body.length
  const drip = disruption?.type === 'drip' ? disruption : undefined
  const breaks = disruption?.type === 'drip' ? undefined : disruption
  const breakAt = Math.min(breaks?.afterBytes ?? 0, wholeBytes)

  if (breaks?.afterBytes === undefined) await disrupt()
  if (!response.destroyed) {
    response.writeHead(reply.status, headersOf(reply))
    response.flushHeaders()
  }
  await write(body.subarray(0, breakAt))
  if (breaks?.afterBytes !== undefined) await disrupt()
  await write(body.subarray(breakAt, wholeBytes))
  if (!response.destroyed) response.end()
  await closed
  return response.writableFinished ? 'complete' : 'aborted'

  async function disrupt(): Promise<void> {
    if (breaks?.type === 'cut') response.destroy()
    if (breaks?.type === 'pause') await Promise.race([breaks.until, closed])
  }

  async function write(bytes: Uint8Array): Promise<void> {
    const chunkBytes = drip?.bytes ?? CHUNK_BYTES
    for (let start = 0; start < bytes.length && !response.destroyed; start += chunkBytes) {
      const chunk = bytes.subarray(start, start + chunkBytes)
      await drip?.pause(closed)
      await Promise.race([options.limiter?.carry(chunk.length), closed])
      if (await Promise.race([taken(response, chunk), closed])) options.onSent(chunk.length)
    }
  }
}

// Node's type of headers doesn't know lists that must not be changed.
function headersOf({ headers }: Reply): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  )
}

/** Writes a chunk; true once the system has taken all of it, false when it didn't. */
function taken(response: ServerResponse, chunk: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    response.write(chunk, (error) => {
      resolve(error == null)
    })
  })
}
