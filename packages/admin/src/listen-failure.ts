import { formatListenAddress, ListenError, type ListenAddress } from '@layermesh/interface'

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'it is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
}

/** Says in one line why an address can't be listened on. */
export function listenFailure(address: ListenAddress, cause: unknown): ListenError {
  const { code = '', message } = cause as NodeJS.ErrnoException
  const reason = REASONS[code] ?? message
  return new ListenError(`admin.listen: can't listen on ${formatListenAddress(address)}: ${reason}`, {
    cause,
  })
}
