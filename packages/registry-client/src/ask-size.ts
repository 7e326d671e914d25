import { type Admission, type Clock, UpstreamProtocolError } from '@layermesh/interface'
import { sizeOfContent } from './content-reply.ts'
import type { ContentRequest, Endpoint } from './endpoint.ts'
import { refusalOf } from './refusal.ts'
import { isRefusedHead } from './refused-head.ts'

/** How long some content is. */
type AskedSize = { readonly sizeBytes: number } & Admission

/**
 * Asks an endpoint how long some content is: by HEAD, and by a GET of its first byte where HEAD is refused or leaves
 * the size out. Throws ERR_UPSTREAM_PROTOCOL when neither says it.
 */
export async function askSize(
  endpoint: Endpoint,
  target: Omit<ContentRequest, 'method'>,
  clock: Clock,
): Promise<AskedSize> {
  const head = await endpoint.send({ ...target, method: 'HEAD' })
  if (head.status !== 200 && !isRefusedHead(endpoint, head)) throw await refusalOf(head, clock)
  await head.body.discard()
  const sizeBytes = head.status === 200 ? sizeOfContent(head) : undefined
  return sizeBytes === undefined ? askSizeByGet(endpoint, target, clock) : sizeFrom(head, sizeBytes)
}

async function askSizeByGet(
  endpoint: Endpoint,
  target: Omit<ContentRequest, 'method'>,
  clock: Clock,
): Promise<AskedSize> {
  const headers = { ...target.headers, range: 'bytes=0-0' }
  const reply = await endpoint.send({ ...target, method: 'GET', headers })
  if (![200, 206, 416].includes(reply.status)) throw await refusalOf(reply, clock)
  await reply.body.discard()
  const sizeBytes = sizeOfContent(reply)
  if (sizeBytes === undefined) throw new UpstreamProtocolError(`${reply.asked} was answered without a size`)
  return sizeFrom(reply, sizeBytes)
}

function sizeFrom({ access }: Admission, sizeBytes: number): AskedSize {
  return access === undefined ? { sizeBytes } : { sizeBytes, access }
}
