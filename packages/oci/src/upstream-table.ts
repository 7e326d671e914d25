import { UpstreamUnknownError } from '@layermesh/interface'
import { quoteInput } from './quote-input.ts'
import { canonicalUpstreamHost, findPublicHost, findUpstreamHost } from './upstream-host.ts'

/** An upstream that may be asked for, and its other names. */
export interface UpstreamNames {
  /** Image host, `host` or `host:port`. */
  readonly host: string
  /** Short names for path prefixes; a host with a port needs one, since a repository name has no colon. */
  readonly aliases: readonly string[]
  /** What clients write in `Host` to mean this upstream: `host`, whatever the port, or `host:port`. @default none */
  readonly servedAs?: readonly string[]
}

/** What an allow-list takes beside the upstreams in it. */
export interface UpstreamTableOptions {
  /** Whether any other registry is allowed that could be a public one: see {@link findPublicHost}. @default false */
  readonly allowOthers?: boolean
}

/** The allow-list of upstreams, by all their names. */
export interface UpstreamTable {
  /** Canonical host of the upstream for requests that name none. */
  readonly defaultUpstream: string
  /** Canonical host of the upstream that `name` stands for, in any spelling; undefined when it isn't allowed. */
  find(name: string): string | undefined
  /** As `find`, for upstreams in the list alone. */
  findListed(name: string): string | undefined
  /** Canonical host of the upstream that is meant by a `Host` field; undefined when that names none. */
  findServed(authority: string): string | undefined
}

/**
 * Builds the allow-list. Throws ERR_ROUTE_INVALID for a host that is none and ERR_UPSTREAM_UNKNOWN when
 * `defaultUpstream` isn't in the list.
 */
export function createUpstreamTable(
  upstreams: readonly UpstreamNames[],
  defaultUpstream: string,
  { allowOthers = false }: UpstreamTableOptions = {},
): UpstreamTable {
  const hosts = new Map<string, string>()
  const served = new Map<string, string>()
  for (const { host, aliases, servedAs = [] } of upstreams) {
    const canonical = canonicalUpstreamHost(host)
    for (const name of [canonical, ...aliases]) hosts.set(name.toLowerCase(), canonical)
    for (const name of servedAs) served.set(name.toLowerCase(), canonical)
  }
  const findListed = (name: string) => hosts.get(findUpstreamHost(name) ?? name.toLowerCase())
  const find = (name: string) => findListed(name) ?? (allowOthers ? findPublicHost(name) : undefined)
  const findServed = (authority: string) => {
    const name = authority.toLowerCase()
    return served.get(name) ?? served.get(name.replace(/:\d*$/, ''))
  }
  return { defaultUpstream: requireUpstream({ find }, defaultUpstream), find, findListed, findServed }
}

/** As `find`, but throws ERR_UPSTREAM_UNKNOWN when the upstream isn't allowed. */
export function requireUpstream(table: Pick<UpstreamTable, 'find'>, name: string): string {
  const host = table.find(name)
  if (host === undefined) throw new UpstreamUnknownError(`${quoteInput(name)} is none of the upstreams`)
  return host
}
