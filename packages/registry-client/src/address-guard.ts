import { isIP, type LookupFunction } from 'node:net'
import type { HostAddress, ResolveHost } from './host-address.ts'

/** A host has no address that we may be led to. */
export class PrivateAddressError extends Error {
  readonly code = 'ERR_PRIVATE_ADDRESS'
  constructor() {
    super('the host has no public address')
  }
}

/**
 * Keeps a registry of the Internet from leading us, by redirect or realm, to what only we can reach: it could have us ask
 * the metadata service of a cloud or an admin page in its name. Addresses are looked at when the connection is made, so
 * that a name can't mean one thing when it is checked and another when it is used.
 */
export class AddressGuard {
  readonly #resolveHost: ResolveHost
  readonly #privateHosts: ReadonlySet<string>
  /** Whether hosts that we have connected to by name are private; bounded by the configured endpoints. */
  readonly #known = new Map<string, boolean>()

  /** `privateHosts` may be led to all the same. */
  constructor(resolveHost: ResolveHost, privateHosts: readonly string[]) {
    this.#resolveHost = resolveHost
    this.#privateHosts = new Set(privateHosts)
  }

  /** Whether a request that began at `endpoint` may go to `url` only if that has a public address. */
  needsPublic(url: URL, endpoint: URL): boolean {
    if (url.origin === endpoint.origin || this.#privateHosts.has(url.hostname)) return false
    return this.#known.get(endpoint.hostname) !== true
  }

  /** Throws {@link PrivateAddressError} when `url` names a private address itself, which then nobody looks up. */
  async requirePublicLiteral(url: URL): Promise<void> {
    const host = literalOf(url)
    if (isIP(host) !== 0) publicOnes(await this.#resolveHost(host))
  }

  /** Takes note whether an endpoint is private; to be called before it is asked, since an address isn't looked up. */
  async noteLiteral(endpoint: URL): Promise<void> {
    const host = literalOf(endpoint)
    if (isIP(host) !== 0 && !this.#known.has(endpoint.hostname))
      this.#note(endpoint.hostname, await this.#resolveHost(host))
  }

  /** Finds any address, and notes whether the host is private. */
  readonly lookupAny: LookupFunction = (hostname, options, callback) => {
    answer(
      this.#resolveHost(hostname).then((found) => this.#note(hostname, found)),
      options,
      callback,
    )
  }

  /** Finds public addresses only. */
  readonly lookupPublic: LookupFunction = (hostname, options, callback) => {
    answer(this.#resolveHost(hostname).then(publicOnes), options, callback)
  }

  #note(hostname: string, found: readonly HostAddress[]): readonly HostAddress[] {
    this.#known.set(
      hostname,
      found.some(({ isPublic }) => !isPublic),
    )
    return found
  }
}

function literalOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

function publicOnes(found: readonly HostAddress[]): readonly HostAddress[] {
  const reachable = found.filter(({ isPublic }) => isPublic)
  if (reachable.length === 0) throw new PrivateAddressError()
  return reachable
}

type LookupOptions = Parameters<LookupFunction>[1]
type LookupCallback = Parameters<LookupFunction>[2]

// As `dns.lookup` answers: all addresses, or the first of the family that is wanted.
function answer(
  resolved: Promise<readonly HostAddress[]>,
  { all, family }: LookupOptions,
  callback: LookupCallback,
): void {
  const wanted = (each: HostAddress) => ![4, 6].includes(Number(family)) || each.family === family
  resolved.then(
    (found) => {
      const usable = found.filter(wanted)
      const [first] = usable
      if (all === true)
        callback(
          null,
          usable.map(({ address, family: is }) => ({ address, family: is })),
        )
      else if (first === undefined) callback(new PrivateAddressError(), '')
      else callback(null, first.address, first.family)
    },
    (error: unknown) => callback(error as NodeJS.ErrnoException, ''),
  )
}
