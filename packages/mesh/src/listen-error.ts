import { ListenError } from '@layermesh/interface'

/** What the system says, and what it means to who started the node. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'it is in use already',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this needs more rights',
}

/**
 * Turns the failure of libp2p's start into an error that names the address. libp2p says which address failed and why
 * only in its message.
 */
export function listenErrorOf(cause: Error, listen: readonly string[]): ListenError {
  const failed = listen.filter((address) => cause.message.includes(address))
  const code = Object.keys(REASONS).find((name) => cause.message.includes(name))
  const reason = code === undefined ? 'libp2p refuses' : `${REASONS[code] ?? code} (${code})`
  return new ListenError(`mesh.listen: can't listen on ${failed.join(', ')}: ${reason}`, { cause })
}
