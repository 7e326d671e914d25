import { ConfigInvalidError, type PeerId } from '@layermesh/interface'
import type { Listener } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { CODE_P2P, CODE_TCP, multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { MAX_ADDRESSES } from './admission-messages.ts'

/** Checks that each value of a setting is a multiaddr with a TCP port. Throws ERR_CONFIG_INVALID, naming the setting and the value. */
export function requireMultiaddrs(setting: string, values: readonly string[]): readonly string[] {
  for (const value of values) {
    if (parse(value) !== undefined) continue
    const example = '/ip4/192.0.2.1/tcp/4001'
    throw new ConfigInvalidError(
      `${setting}: ${JSON.stringify(value)} is no multiaddr with a TCP port, such as ${example}`,
    )
  }
  return values
}

/** Checks that each value of a setting is a peer id. Throws ERR_CONFIG_INVALID, naming the setting and the value. */
export function requirePeerIds(setting: string, values: readonly string[]): readonly PeerId[] {
  return values.map((value) => {
    try {
      return peerIdFromString(value).toString() as PeerId
    } catch (cause) {
      const message = `${setting}: ${JSON.stringify(value)} is no peer id, such as layermesh status shows`
      throw new ConfigInvalidError(message, { cause })
    }
  })
}

/** The addresses at which `peer` is to be dialled, so that nobody else can answer there; those that make no sense are left out. */
export function addressesOf(peer: PeerId, addresses: readonly string[]): readonly Multiaddr[] {
  return addresses.flatMap((address) => {
    const base = parse(address)?.decapsulateCode(CODE_P2P)
    return base === undefined ? [] : (parse(`${base.toString()}/p2p/${peer}`) ?? [])
  })
}

/** Where this node listens, and what it says of that to others. */
export class OwnAddresses {
  readonly #self: PeerId
  readonly #announce: readonly string[]
  readonly #listeners: Listener[] = []

  constructor(self: PeerId, announce: readonly string[]) {
    this.#self = self
    this.#announce = announce
  }

  listening(listener: Listener): void {
    this.#listeners.push(listener)
  }

  /** Each address that is listened on, with the port that it really has. */
  listened(): readonly string[] {
    const addresses = this.#listeners.flatMap((listener) => listener.getAddrs().map(String))
    return addressesOf(this.#self, addresses).map(String)
  }

  /** What others are told: the addresses to announce, else those that can be reached from elsewhere. */
  advertised(): readonly string[] {
    if (this.#announce.length > 0) {
      return addressesOf(this.#self, this.#announce).map(String).slice(0, MAX_ADDRESSES)
    }
    const listened = this.listened()
    const reachable = listened.filter((address) => !/^\/ip4\/127\.|^\/ip6\/::1\//.test(address))
    // A node that listens on loopback alone is there for others on the same machine.
    return (reachable.length > 0 ? reachable : listened).slice(0, MAX_ADDRESSES)
  }
}

function parse(address: string): Multiaddr | undefined {
  try {
    const parsed = multiaddr(address)
    // Some parts, peer ids among them, are only looked at when the address is put into bytes.
    return parsed.bytes.length > 0 && parsed.getComponents().some(({ code }) => code === CODE_TCP)
      ? parsed
      : undefined
  } catch {
    return undefined
  }
}
