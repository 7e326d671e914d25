import { getDomain } from 'tldts'

/** A registry, as far as it matters for whom its logins may be shown to. */
export interface RealmOwner {
  /** Where the registry is reached. */
  readonly endpoint: URL
  /** Hosts that may see its logins wherever they are, by the operator's word. */
  readonly realms: readonly string[]
}

/**
 * Whether a token server may see the login of a registry that names it: on the registry's own host, in the same domain that
 * somebody has registered (by the Public Suffix List), or if the operator says so. A registry that somebody has taken
 * over, or a page behind one of its redirects, could name any other.
 */
export function mayShowLogin(realm: URL, { endpoint, realms }: RealmOwner): boolean {
  if (realm.hostname === endpoint.hostname || realms.includes(realm.hostname)) return true
  const domain = registeredDomainOf(realm)
  return domain !== undefined && domain === registeredDomainOf(endpoint)
}

/** Undefined for addresses, names without a dot, and public suffixes, whose neighbours are strangers. */
function registeredDomainOf({ hostname }: URL): string | undefined {
  return getDomain(hostname, { allowPrivateDomains: true }) ?? undefined
}
