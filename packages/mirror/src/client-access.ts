import { BlockList, isIPv6 } from 'node:net'
import type { Access, ContentFetcher } from '@layermesh/interface'

/** Says what a client may have of an upstream; `isLocal` as {@link isLocalClient} says. */
export type AccessPolicy = (upstream: string, isLocal: boolean) => Access

/** Nobody gets what only the node's logins can get. */
export const ANONYMOUS_ONLY: AccessPolicy = () => 'anonymous'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8)
LOOPBACK.addAddress('::1', 'ipv6')

/** The two ends of a connection. */
interface Ends {
  readonly localAddress?: string | undefined
  readonly remoteAddress?: string | undefined
}

/** Whether a client is on this machine: it reached us on a loopback address, from one. */
export function isLocalClient({ localAddress, remoteAddress }: Ends): boolean {
  return [localAddress, remoteAddress].every(
    // An IPv4 address of a listener for both families (`::ffff:127.0.0.1`) is looked up as such.
    (address) => address !== undefined && LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'),
  )
}

/** The content as it is for a client with this access, whose request has come through `via`. */
export function contentFor(content: ContentFetcher, access: Access, via: readonly string[]): ContentFetcher {
  if (access === 'anonymous' && via.length === 0) return content
  return {
    resolveTag: (ref, options) => content.resolveTag({ ...ref, access, via }, options),
    getManifest: (ref, options) => content.getManifest({ ...ref, access, via }, options),
    statBlob: (ref, options) => content.statBlob({ ...ref, access, via }, options),
    openBlob: (ref, options) => content.openBlob({ ...ref, access, via }, options),
  }
}
