import { ListenError } from '@layermesh/interface'
import { multiaddr } from '@multiformats/multiaddr'

/** What the system says, and what it means to who started the node. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'it is in use already',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this needs more rights',
}

/**
 * Turns the failure of libp2p's start into ERR_LISTEN, naming the address; other failures are returned as they are.
 * libp2p says only in its message which address failed, and why.
 */
export function listenErrorOf(cause: Error, listen: readonly string[]): Error {
  const failed = listen.filter((address) => cause.message.includes(`${multiaddr(address).toString()}: `))
  if (failed.length === 0) return cause
  const code = Object.keys(REASONS).find((name) => cause.message.includes(name))
  const reason = code === undefined ? 'libp2p refuses' : `${REASONS[code] ?? code} (${code})`
  return new ListenError(`mesh.listen: can't listen on ${failed.join(', ')}: ${reason}`, { cause })
}
