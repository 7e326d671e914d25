import { ListenError } from './errors.ts'
import { formatListenAddress, type ListenAddress } from './listen-address.ts'

/** What the system's error codes mean to the person who starts a daemon. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'it is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
}

/** Says in one line why the address of `setting` can't be listened on. */
export function listenFailure(setting: string, address: ListenAddress, cause: unknown): ListenError {
  const { code = '', message } = cause as Error & { readonly code?: string }
  const reason = REASONS[code] ?? message
  return new ListenError(`${setting}: can't listen on ${formatListenAddress(address)}: ${reason}`, { cause })
}
