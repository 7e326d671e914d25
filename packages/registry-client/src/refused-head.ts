import type { Endpoint } from './endpoint.ts'
import type { HttpReply } from './http-transport.ts'

const METHOD_NOT_ALLOWED = 405
/** How storage answers a HEAD to an address that was signed for GET. */
const SIGNED_FOR_GET_STATUSES = new Set([400, 401, 403])

/** Whether the reply to a HEAD refuses the method alone, so that a GET may well succeed. */
export function isRefusedHead(endpoint: Endpoint, reply: HttpReply): boolean {
  if (reply.status === METHOD_NOT_ALLOWED) return true
  return !endpoint.isOwn(reply) && SIGNED_FOR_GET_STATUSES.has(reply.status)
}
