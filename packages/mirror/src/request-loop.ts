import type { IncomingHttpHeaders } from 'node:http'

/** Caches that a request may have come through, at most: nobody builds a longer chain on purpose. */
export const MAX_CACHES = 16

/** The caches that a request has come through: the entries of its `CDN-Loop` (RFC 8586 §2), the client's side first. */
export function viaOf(headers: IncomingHttpHeaders): readonly string[] {
  return [headers['cdn-loop'] ?? []]
    .flat()
    .flatMap((line) => line.split(','))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

/** Whether a request has been here before, at the cache whose entry is `own`, or has come through too many others. */
export function isLoop(via: readonly string[], own: string): boolean {
  return via.length > MAX_CACHES || via.some((entry) => entry.split(';', 1)[0]?.trim() === own)
}
