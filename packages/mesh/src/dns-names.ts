import { lookup, type Resolver } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import { ConfigInvalidError } from '@layermesh/interface'

/** The port of a name that names none. */
const DEFAULT_PORT = 4001

/** What is asked of a name server. */
export type NameResolver = Pick<Resolver, 'resolve4' | 'resolve6' | 'resolveSrv'>

/** A name under which nodes can be found. */
export interface DnsName {
  /** Addresses of nodes (A and AAAA records), or names and ports of nodes (SRV records). */
  readonly kind: 'hosts' | 'services'
  readonly name: string
  /** The port of hosts. */
  readonly port: number
}

/** Reads the names of a setting: `name`, `name:port`, or `_service._tcp.name`. Throws ERR_CONFIG_INVALID, naming the setting and the value. */
export function requireDnsNames(setting: string, values: readonly string[]): readonly DnsName[] {
  return values.map((value) => {
    const [, name, port] = /^((?:[\w-]+\.)*[\w-]+\.?)(?::(\d{1,5}))?$/.exec(value) ?? []
    const kind = name?.startsWith('_') ? 'services' : 'hosts'
    const number = port === undefined ? DEFAULT_PORT : Number(port)
    const makes = number > 0 && number < 65_536 && (kind === 'hosts' || port === undefined)
    if (name !== undefined && makes) return { kind, name, port: number }
    const examples =
      'layermesh.default.svc.cluster.local:4001 or _mesh._tcp.layermesh.default.svc.cluster.local'
    throw new ConfigInvalidError(
      `${setting}: ${JSON.stringify(value)} is no name to look up, such as ${examples}`,
    )
  })
}

/** Looks a name up; returns multiaddrs without peer ids. Throws what the name server, or else the system, answers. */
export async function resolveDnsName(resolver: NameResolver, name: DnsName): Promise<readonly string[]> {
  if (name.kind === 'hosts') return resolveHost(resolver, name.name, name.port)
  const services = await resolver.resolveSrv(name.name)
  const hosts = services.map((service) => resolveHost(resolver, service.name, service.port))
  // A target that is just going away is no reason to miss the others.
  const found = await Promise.allSettled(hosts)
  return found.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
}

async function resolveHost(resolver: NameResolver, name: string, port: number): Promise<readonly string[]> {
  const families = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  const found = families.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
  // The system knows names that a name server doesn't: those of its hosts file, and those that its search list completes.
  const addresses =
    found.length > 0 ? found : (await lookup(name, { all: true })).map(({ address }) => address)
  return addresses.map((address) => `/${isIPv6(address) ? 'ip6' : 'ip4'}/${address}/tcp/${port}`)
}
