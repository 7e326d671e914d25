import {
  UpstreamProtocolError,
  UpstreamStalledError,
  UpstreamTruncatedError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { pipe } from 'it-pipe'
import { parseByteCount } from './byte-count.ts'
import { collectBytes } from './collect-bytes.ts'
import { requireIdentity } from './content-reply.ts'
import type { HttpReply } from './http-transport.ts'

/**
 * Reads a small body as a whole. Throws ERR_UPSTREAM_PROTOCOL when it is compressed or has more than `limitBytes`,
 * which is found out without reading more than that, and ERR_UPSTREAM_UNREACHABLE when it breaks off or stalls: whoever waits for the
 * whole has got nothing then.
 */
export async function readWhole(reply: HttpReply, limitBytes: number): Promise<Uint8Array> {
  const makeError = () =>
    new UpstreamProtocolError(`${reply.asked} was answered with more than ${limitBytes} bytes`)
  try {
    requireIdentity(reply)
    if ((parseByteCount(reply.header('content-length')) ?? 0) > limitBytes) throw makeError()
    return await pipe(reply.body, collectBytes(limitBytes, makeError))
  } catch (cause) {
    reply.body.cut()
    if (cause instanceof UpstreamStalledError || cause instanceof UpstreamTruncatedError) {
      throw new UpstreamUnreachableError(cause.message, { cause })
    }
    throw cause
  }
}
