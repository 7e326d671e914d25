import type { Connection } from '@libp2p/interface'

/**
 * Resolves when the peer has closed the connection, or `timeoutMs` are over: to be waited for after the last words to a
 * peer, which a TLS connection of libp2p loses when it is closed right after them. It is real time, as in libp2p's own
 * way to close.
 */
export async function untilClosed(connection: Connection, timeoutMs: number): Promise<void> {
  if (connection.status !== 'open') return
  const closed = Promise.withResolvers<undefined>()
  const onClose = () => closed.resolve(undefined)
  const timer = setTimeout(onClose, timeoutMs)
  connection.addEventListener('close', onClose)
  await closed.promise
  clearTimeout(timer)
  connection.removeEventListener('close', onClose)
}
