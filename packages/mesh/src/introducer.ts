import { PeerProtocolError, type Log, type Member, type PeerId, type PeerStream } from '@layermesh/interface'
import { decode, encode } from 'cborg'
import { z } from 'zod'
import { MAX_ADDRESSES } from './admission-messages.ts'

/** The protocol by which a node that can't dial another has itself introduced to it, so that the other one dials. */
export const INTRODUCE_PROTOCOL = '/layermesh/introduce/1.0.0'

const MAX_ADDRESS_LENGTH = 255

const peer = z.string().max(MAX_ADDRESS_LENGTH)
/** "Introduce me to this peer", or "this peer wants to meet you". Unknown fields are dropped. */
const message = z.union([
  z.object({ to: peer }),
  z.object({ peer, addresses: z.array(z.string().max(MAX_ADDRESS_LENGTH)).max(MAX_ADDRESSES) }),
])

/** Collaborators of an {@link Introducer}. */
export interface IntroducerDeps {
  readonly log: Log
  readonly isMember: (peer: PeerId) => boolean
  readonly open: (peer: PeerId) => Promise<PeerStream>
  /** Takes note of where a node may be reached. */
  readonly learn: (peer: PeerId, addresses: readonly string[]) => void
}

/**
 * Brings nodes together of which only one can dial the other. A newcomer is told of all members and dials them; one
 * behind a NAT can't be dialled, and was told of nobody, because it came first. So the newcomer asks the member
 * that has told it, which passes its addresses on over the connection that it has.
 */
export class Introducer {
  readonly #deps: IntroducerDeps

  constructor(deps: IntroducerDeps) {
    this.#deps = deps
  }

  /** Asks the member `via` to introduce this node to `to`. Never rejects: dialling is tried again, and then this. */
  async ask(via: PeerId, to: PeerId): Promise<void> {
    if (this.#deps.isMember(via)) await this.#tell(via, { to })
  }

  /** Serves one stream of a member. Throws ERR_PEER_PROTOCOL for what makes no sense. */
  async serve(stream: PeerStream, member: Member): Promise<void> {
    const frame = await stream.receive()
    if (frame === undefined) return
    const said = parse(frame)
    if ('peer' in said) {
      this.#deps.learn(said.peer as PeerId, said.addresses)
    } else if (this.#deps.isMember(said.to as PeerId)) {
      await this.#tell(said.to as PeerId, {
        peer: member.peer,
        addresses: member.addresses.slice(0, MAX_ADDRESSES),
      })
    }
  }

  async #tell(to: PeerId, what: z.infer<typeof message>): Promise<void> {
    try {
      const stream = await this.#deps.open(to)
      await stream.send(encode(what))
      await stream.close()
    } catch (error) {
      this.#deps.log.debug({ peer: to, err: error }, 'introduction not made')
    }
  }
}

function parse(frame: Uint8Array): z.infer<typeof message> {
  try {
    return message.parse(decode(frame))
  } catch (cause) {
    throw new PeerProtocolError('an introduction makes no sense', { cause })
  }
}
