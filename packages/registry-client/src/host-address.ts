import { lookup } from 'node:dns/promises'
import ipaddr from 'ipaddr.js'

/** An address of a host. */
export interface HostAddress {
  readonly address: string
  readonly family: 4 | 6
  /** Whether anybody on the Internet can reach it, so that who leads us there gains nothing by it. */
  readonly isPublic: boolean
}

/** Finds the addresses of a host; that of an address is itself. Rejects as `dns.lookup` does. */
export type ResolveHost = (hostname: string) => Promise<readonly HostAddress[]>

/** Asks the system, as everything else on the machine does. */
export const resolveHost: ResolveHost = async (hostname) => {
  const addresses = await lookup(hostname, { all: true })
  return addresses.map(({ address, family }) => ({
    address,
    family: family === 6 ? 6 : 4,
    isPublic: isPublicAddress(address),
  }))
}

/**
 * Whether an address is one of the public Internet, by IANA's registries of special addresses: not loopback, private,
 * link-local (with the metadata services of clouds), shared, multicast or reserved, nor one of IPv6 that stands for one of IPv4.
 */
export function isPublicAddress(address: string): boolean {
  // A zone names an interface of this machine.
  return !address.includes('%') && ipaddr.parse(address).range() === 'unicast'
}
