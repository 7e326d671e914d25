import { isIP } from 'node:net'

const LOOPBACK = /^(localhost|127\.[\d.]+|::1)$/

/**
 * Tells whether a request may be answered by its Host header. A page that a browser on this machine shows can point
 * a name of its own at loopback and then read what we answer (DNS rebinding); it can't make the browser send an IP
 * address or `localhost` as the host. Who doesn't listen on loopback is open to the network anyway, and its
 * scrapers come by any name.
 */
export function isHostAllowed(header: string | undefined, listenHost: string): boolean {
  if (!LOOPBACK.test(listenHost)) return true
  const host = (header ?? '').replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')
  return host === 'localhost' || isIP(host) !== 0
}
