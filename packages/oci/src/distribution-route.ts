import { RouteInvalidError, type Digest, type RepositoryRef } from '@layermesh/interface'
import { parseDigest } from './digest.ts'
import { parseReference, type Reference } from './reference.ts'
import { parseRepositoryName } from './repository-name.ts'
import { parseRequestTarget } from './request-target.ts'
import { canonicalRepository, canonicalUpstreamHost } from './upstream-host.ts'
import { requireUpstream, type UpstreamTable } from './upstream-table.ts'

/** A repository of a request, and the `ns` that the client named its registry by, as it wrote it. */
export interface RoutedRepository extends RepositoryRef {
  readonly ns: string | undefined
}

/** A list of a repository, as a client asked for it. */
export interface RoutedList extends RoutedRepository {
  /** The path as it was sent, which links to further pages lead to. */
  readonly path: string
  /** The query without `ns`, which is for us alone. */
  readonly query: string
}

/** What is known of a request beside its target. */
export interface RouteHints {
  /** Its `Host` field. */
  readonly host?: string | undefined
  /** The upstream that the address serves which it was sent to. */
  readonly upstream?: string | undefined
}

/** What a request to the distribution API asks for, whatever its method. */
export type Route =
  | { readonly kind: 'ping' }
  | { readonly kind: 'ping-without-slash'; readonly location: string }
  | { readonly kind: 'unknown' }
  | (RoutedRepository & { readonly kind: 'manifest'; readonly reference: Reference })
  | (RoutedRepository & { readonly kind: 'blob'; readonly digest: Digest })
  | (RoutedList & { readonly kind: 'tags' })
  | (RoutedList & { readonly kind: 'referrers'; readonly digest: Digest })

/** A request's place below `/v2/`, and what the target says about the upstream around it. */
interface Place {
  /** Components after `/v2`. */
  readonly rest: readonly string[]
  /** The component before `/v2`, with the slash before it; empty when there is none. */
  readonly prefix: string
  /** The upstream that the component before `/v2` names. */
  readonly prefixUpstream: string | undefined
  readonly ns: string | undefined
  /** The upstream that `Host` or the address names. */
  readonly servedUpstream: string | undefined
  readonly list: Pick<RoutedList, 'path' | 'query'>
}

/**
 * Reads a raw request target (distribution-spec 1.1, "Endpoints"). The upstream is, in this order: the component
 * before `/v2`; the first component after it, when that names an upstream; the query parameter `ns` (spec,
 * "Registry Proxying"); what `Host` names; the one of the address; the table's default.
 *
 * Throws ERR_ROUTE_INVALID, ERR_NAME_INVALID, ERR_TAG_INVALID and ERR_DIGEST_INVALID for what is malformed or
 * contradicts itself, and ERR_UPSTREAM_UNKNOWN for an upstream that isn't in the table.
 */
export function parseRoute(target: string, upstreams: UpstreamTable, hints: RouteHints = {}): Route {
  const place = findPlace(target, upstreams, hints)
  if (place === undefined) return { kind: 'unknown' }
  const { rest, prefix } = place
  if (rest.length === 0) return { kind: 'ping-without-slash', location: `${prefix}/v2/` }
  if (rest.length === 1 && rest[0] === '') return { kind: 'ping' }
  // A name may itself have components such as `manifests`; what counts is the last of them. A reference has no
  // slash, so that one is always in the last place but one.
  const action = rest.at(-2)
  const argument = rest.at(-1) ?? ''
  const repository = () => routeRepository(place, rest.slice(0, -2), upstreams)
  if (action === 'manifests')
    return { kind: 'manifest', ...repository(), reference: parseReference(argument) }
  if (action === 'blobs') return { kind: 'blob', ...repository(), digest: parseDigest(argument) }
  if (action === 'referrers')
    return { kind: 'referrers', ...repository(), ...place.list, digest: parseDigest(argument) }
  if (action === 'tags' && argument === 'list') return { kind: 'tags', ...repository(), ...place.list }
  return { kind: 'unknown' }
}

function findPlace(target: string, upstreams: UpstreamTable, hints: RouteHints): Place | undefined {
  const { authority = hints.host, path, segments, query } = parseRequestTarget(target)
  const [first = '', second] = segments
  const { ns, others } = splitQuery(query)
  const servedUpstream =
    (authority === undefined ? undefined : upstreams.findServed(authority)) ?? hints.upstream
  const place = { ns, servedUpstream, list: { path, query: others } }
  if (first === 'v2') return { ...place, rest: segments.slice(1), prefix: '', prefixUpstream: undefined }
  if (second !== 'v2') return undefined
  const prefixUpstream = requireUpstream(upstreams, first)
  return { ...place, rest: segments.slice(2), prefix: `/${first}`, prefixUpstream }
}

function splitQuery(query: string): { readonly ns: string | undefined; readonly others: string } {
  if (query === '') return { ns: undefined, others: '' }
  const parameters = new URLSearchParams(query)
  const [ns, ...more] = parameters.getAll('ns')
  if (more.length > 0) throw new RouteInvalidError('ns is given more than once')
  parameters.delete('ns')
  return { ns, others: parameters.toString() }
}

function routeRepository(
  place: Place,
  components: readonly string[],
  upstreams: UpstreamTable,
): RoutedRepository {
  const { ns, servedUpstream } = place
  const nsUpstream = ns === undefined ? undefined : requireUpstream(upstreams, canonicalUpstreamHost(ns))
  const [first = '', ...others] = components
  let { prefixUpstream } = place
  let name = components
  if (prefixUpstream === undefined && others.length > 0) {
    prefixUpstream = findPrefixUpstream(first, nsUpstream ?? servedUpstream, upstreams)
    if (prefixUpstream !== undefined) name = others
  }
  if (prefixUpstream !== undefined && nsUpstream !== undefined && prefixUpstream !== nsUpstream) {
    throw new RouteInvalidError(`the path names ${prefixUpstream} and ns names ${nsUpstream}`)
  }
  const upstream = prefixUpstream ?? nsUpstream ?? servedUpstream ?? upstreams.defaultUpstream
  return { upstream, repository: canonicalRepository(upstream, parseRepositoryName(name.join('/'))), ns }
}

/** The upstream that the first component of a name names, where another part of the request may have named it already. */
function findPrefixUpstream(
  component: string,
  named: string | undefined,
  upstreams: UpstreamTable,
): string | undefined {
  const isHost = /[.:]/.test(component) || component === 'localhost'
  // A reference that begins with a host names that registry (distribution/reference, "familiar names"): were it
  // taken for a name at the default upstream, a client could get another image than the one it named.
  if (named === undefined) return isHost ? requireUpstream(upstreams, component) : upstreams.find(component)
  // What else may stand there is part of a name: `quay.io/quay/busybox` with an alias `quay`, `ghcr.io/a.b/app`.
  if (!isHost) return undefined
  return upstreams.findListed(component) ?? (upstreams.find(component) === named ? named : undefined)
}
