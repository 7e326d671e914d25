import type { ByteSource, Digest } from '@layermesh/interface'
import { entityTag } from '@layermesh/oci'
import { cacheStatus } from './cache-status.ts'

/** Name and value of the header that every reply has; clients tell a registry by it. */
export const API_VERSION: readonly string[] = ['Docker-Distribution-API-Version', 'registry/2.0']

/**
 * Headers of each reply about a manifest or blob (distribution-spec 1.1, "Pulling manifests" and "Pulling blobs"),
 * names and values in turn: what `writeHead` takes without building an object.
 */
export function contentHeaders(digest: Digest, source: ByteSource, ns: string | undefined): string[] {
  const headers = [...API_VERSION, 'Docker-Content-Digest', digest, 'ETag', entityTag(digest)]
  headers.push('Cache-Status', cacheStatus(source))
  // How a client sees that its `ns` was taken into account (distribution-spec, "Registry Proxying").
  if (ns !== undefined) headers.push('OCI-Namespace', ns)
  return headers
}
