import { RouteInvalidError } from '@layermesh/interface'
import { quoteInput } from './quote-input.ts'

/** A request target, taken apart. */
export interface RequestTarget {
  /** Host and port of a target in absolute form, which then count and not `Host`. */
  readonly authority: string | undefined
  /** The path as it was sent. */
  readonly path: string
  /** Components of the path, each percent-decoded; none of them contains a slash. */
  readonly segments: readonly string[]
  /** The query without its question mark, as it was sent. */
  readonly query: string
}

/** Scheme and authority of a target in absolute form, which a server must take (RFC 9112 §3.2.2). */
const SCHEME_AND_AUTHORITY = /^https?:\/\/([^/?]*)/i

/**
 * Takes a raw request target apart. Nothing is normalised: `..`, empty components and what percent-encoding hides
 * stay visible, so that the grammar of names refuses them. Throws ERR_ROUTE_INVALID.
 */
export function parseRequestTarget(target: string): RequestTarget {
  const absolute = target.startsWith('/') ? null : SCHEME_AND_AUTHORITY.exec(target)
  const pathAndQuery = target.slice(absolute?.[0].length ?? 0)
  const queryAt = pathAndQuery.indexOf('?')
  const path = queryAt < 0 ? pathAndQuery : pathAndQuery.slice(0, queryAt)
  if (!path.startsWith('/')) throw new RouteInvalidError(`${quoteInput(path)} is no path`)
  return {
    authority: absolute?.[1],
    path,
    segments: path.slice(1).split('/').map(decodeSegment),
    query: queryAt < 0 ? '' : pathAndQuery.slice(queryAt + 1),
  }
}

function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment
  const decoded = percentDecode(segment)
  // An encoded slash would move the border between a name and what follows it.
  if (decoded === undefined || decoded.includes('/')) {
    throw new RouteInvalidError(`${quoteInput(segment)} is no component of a path`)
  }
  return decoded
}

function percentDecode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
