import type { PeerId, TagRecord } from '@layermesh/interface'
import { converse, outOfTurn, type AskingDeps } from './conversation.ts'
import type { ExchangeOptions } from './exchange.ts'
import { errorOf } from './refusals.ts'
import { askFrame, decodeTagFrame, TAG_PROTOCOL, type TagRequest } from './tag-frames.ts'

/** The client of the tag protocol; see {@link Exchange.askTag}. */
export async function askTag(
  deps: AskingDeps,
  peer: PeerId,
  request: TagRequest,
  { signal }: ExchangeOptions,
): Promise<TagRecord | undefined> {
  const conversation = await converse(deps, peer, TAG_PROTOCOL, decodeTagFrame, signal)
  const frame = await conversation.expect(async () => {
    await conversation.send(askFrame(request))
    const reply = await conversation.receive()
    if (reply.type === 'ask') throw outOfTurn(reply)
    if (reply.type === 'refuse') throw errorOf(reply)
    return reply
  }, signal)
  await conversation.close()
  if (frame.type === 'none') return undefined
  const { digest, mediaType, sizeBytes, ageMs, access } = frame
  const confirmedAtMs = Math.max(0, deps.clock.now() - ageMs)
  return { digest, mediaType, sizeBytes, confirmedAtMs, ...(access !== undefined && { access }) }
}
