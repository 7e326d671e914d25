import { canonicalUpstreamHost, parseDigest, parseRepositoryName, parseTag } from '@layermesh/oci'
import { z } from 'zod'

/**
 * The parts of a reference as a peer sends them. They end up in paths and URLs, so what comes from a peer is held
 * to the same grammar as what comes from a client.
 */
export const contentSchema = {
  upstream: z.string().transform(canonicalUpstreamHost),
  repository: z.string().transform(parseRepositoryName),
  digest: z.string().transform(parseDigest),
  tag: z.string().transform(parseTag),
  access: z.enum(['anonymous', 'login']).optional(),
}
