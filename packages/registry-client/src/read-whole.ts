import {
  UpstreamProtocolError,
  UpstreamStalledError,
  UpstreamTruncatedError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { pipe } from 'it-pipe'
import { parseByteCount } from './byte-count.ts'
import { collectBytes } from './collect-bytes.ts'
import { decodeBody } from './decode-body.ts'
import type { HttpReply } from './http-transport.ts'

/**
 * Reads a small body as a whole, and undoes a compression that nobody asked for. Throws ERR_UPSTREAM_PROTOCOL when that
 * fails or it has more than `limitBytes`, which is found out without reading more than that, and ERR_UPSTREAM_UNREACHABLE when it breaks off or stalls: whoever waits for the
 * whole has got nothing then.
 */
export async function readWhole(reply: HttpReply, limitBytes: number): Promise<Uint8Array> {
  const makeError = () =>
    new UpstreamProtocolError(`${reply.asked} was answered with more than ${limitBytes} bytes`)
  try {
    if ((parseByteCount(reply.header('content-length')) ?? 0) > limitBytes) throw makeError()
    const bytes = await pipe(reply.body, collectBytes(limitBytes, makeError))
    return await decodeBody(reply, bytes, limitBytes)
  } catch (cause) {
    reply.body.cut()
    if (cause instanceof UpstreamStalledError || cause instanceof UpstreamTruncatedError) {
      throw new UpstreamUnreachableError(cause.message, { cause })
    }
    throw cause
  }
}
