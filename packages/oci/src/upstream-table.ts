import { UpstreamUnknownError } from '@layermesh/interface'
import { quoteInput } from './quote-input.ts'
import { canonicalUpstreamHost, findUpstreamHost } from './upstream-host.ts'

/** An upstream that may be asked for, and its other names. */
export interface UpstreamNames {
  /** Image host, `host` or `host:port`. */
  readonly host: string
  /** Short names for path prefixes; a host with a port needs one, since a repository name has no colon. */
  readonly aliases: readonly string[]
}

/** The allow-list of upstreams, by all their names. */
export interface UpstreamTable {
  /** Canonical host of the upstream for requests that name none. */
  readonly defaultUpstream: string
  /** Canonical host of the upstream that `name` stands for, in any spelling; undefined when it isn't allowed. */
  find(name: string): string | undefined
}

/**
 * Builds the allow-list. Throws ERR_ROUTE_INVALID for a host that is none and ERR_UPSTREAM_UNKNOWN when
 * `defaultUpstream` isn't in the list.
 */
export function createUpstreamTable(
  upstreams: readonly UpstreamNames[],
  defaultUpstream: string,
): UpstreamTable {
  const hosts = new Map<string, string>()
  for (const { host, aliases } of upstreams) {
    const canonical = canonicalUpstreamHost(host)
    for (const name of [canonical, ...aliases]) hosts.set(name.toLowerCase(), canonical)
  }
  const find = (name: string) => hosts.get(findUpstreamHost(name) ?? name.toLowerCase())
  return { defaultUpstream: requireUpstream({ find }, defaultUpstream), find }
}

/** As `find`, but throws ERR_UPSTREAM_UNKNOWN when the upstream isn't allowed. */
export function requireUpstream(table: Pick<UpstreamTable, 'find'>, name: string): string {
  const host = table.find(name)
  if (host === undefined) throw new UpstreamUnknownError(`${quoteInput(name)} is none of the upstreams`)
  return host
}
