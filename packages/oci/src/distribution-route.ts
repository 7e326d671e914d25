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

/** What a request to the distribution API asks for, whatever its method. */
export type Route =
  | { readonly kind: 'ping' }
  | { readonly kind: 'ping-without-slash'; readonly location: string }
  | { readonly kind: 'unknown' }
  | (RoutedRepository & { readonly kind: 'manifest'; readonly reference: Reference })
  | (RoutedRepository & { readonly kind: 'blob'; readonly digest: Digest })
  | (RoutedRepository & { readonly kind: 'tags' })
  | (RoutedRepository & { readonly kind: 'referrers'; readonly digest: Digest })

/** A request's place below `/v2/`, and what the target says about the upstream around it. */
interface Place {
  /** Components after `/v2`. */
  readonly rest: readonly string[]
  /** The component before `/v2`, with the slash before it; empty when there is none. */
  readonly prefix: string
  /** The upstream that the component before `/v2` names. */
  readonly prefixUpstream: string | undefined
  readonly ns: string | undefined
}

/**
 * Reads a raw request target (distribution-spec 1.1, "Endpoints"). The upstream is, in this order: the component
 * before `/v2`; the first component after it, when that names an upstream; the query parameter `ns` (spec,
 * "Registry Proxying"); the table's default.
 *
 * Throws ERR_ROUTE_INVALID, ERR_NAME_INVALID, ERR_TAG_INVALID and ERR_DIGEST_INVALID for what is malformed or
 * contradicts itself, and ERR_UPSTREAM_UNKNOWN for an upstream that isn't in the table.
 */
export function parseRoute(target: string, upstreams: UpstreamTable): Route {
  const place = findPlace(target, upstreams)
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
  if (action === 'referrers') return { kind: 'referrers', ...repository(), digest: parseDigest(argument) }
  if (action === 'tags' && argument === 'list') return { kind: 'tags', ...repository() }
  return { kind: 'unknown' }
}

function findPlace(target: string, upstreams: UpstreamTable): Place | undefined {
  const { segments, query } = parseRequestTarget(target)
  const [first = '', second] = segments
  const ns = namespaceOf(query)
  if (first === 'v2') return { rest: segments.slice(1), prefix: '', prefixUpstream: undefined, ns }
  if (second !== 'v2') return undefined
  return {
    rest: segments.slice(2),
    prefix: `/${first}`,
    prefixUpstream: requireUpstream(upstreams, first),
    ns,
  }
}

function namespaceOf(query: string): string | undefined {
  if (query === '') return undefined
  const values = new URLSearchParams(query).getAll('ns')
  if (values.length > 1) throw new RouteInvalidError('ns is given more than once')
  return values[0]
}

function routeRepository(
  place: Place,
  components: readonly string[],
  upstreams: UpstreamTable,
): RoutedRepository {
  const { ns } = place
  const nsUpstream = ns === undefined ? undefined : requireUpstream(upstreams, canonicalUpstreamHost(ns))
  const [first = '', ...others] = components
  let { prefixUpstream } = place
  let name = components
  if (prefixUpstream === undefined && others.length > 0) {
    prefixUpstream = findPrefixUpstream(first, ns !== undefined, upstreams)
    if (prefixUpstream !== undefined) name = others
  }
  if (prefixUpstream !== undefined && nsUpstream !== undefined && prefixUpstream !== nsUpstream) {
    throw new RouteInvalidError(`the path names ${prefixUpstream} and ns names ${nsUpstream}`)
  }
  const upstream = prefixUpstream ?? nsUpstream ?? upstreams.defaultUpstream
  return { upstream, repository: canonicalRepository(upstream, parseRepositoryName(name.join('/'))), ns }
}

function findPrefixUpstream(component: string, hasNs: boolean, upstreams: UpstreamTable): string | undefined {
  const isHost = /[.:]/.test(component) || component === 'localhost'
  // With `ns` the client has named the upstream already, and a component such as `quay` is part of a name there
  // (`quay.io/quay/busybox`), not an alias.
  if (hasNs) return isHost ? upstreams.find(component) : undefined
  // A reference that begins with a host names that registry (distribution/reference, "familiar names"): were it
  // taken for a name at the default upstream, a client could get another image than the one it named.
  return isHost ? requireUpstream(upstreams, component) : upstreams.find(component)
}
