import type { Clock, LayermeshError } from '@layermesh/interface'
import { classifyStatus } from './classify-status.ts'
import type { HttpReply } from './http-transport.ts'

/** Gets rid of a reply with an unwelcome status, and yields the error to throw in its place. */
export async function refusalOf(reply: HttpReply, clock: Clock): Promise<LayermeshError> {
  await reply.body.discard()
  const { status, asked } = reply
  return classifyStatus({ status, asked, retryAfter: reply.header('retry-after'), nowMs: clock.now() })
}
