import { OCI_INDEX } from '@layermesh/oci'
import type { BuiltContent } from './built-content.ts'
import type { OriginRequest } from './origin-request.ts'
import { errorReply, jsonReply, type Reply } from './reply.ts'

/** Answers with the page of `tags` that is asked for by `n` and `last` (distribution-spec 1.1, "Listing Tags"). */
export function tagsReply(request: OriginRequest, tags: readonly string[] | undefined): Reply {
  const { query, repository = '' } = request
  if (tags === undefined) return errorReply(404, 'NAME_UNKNOWN', `no repository ${repository}`)
  const last = query.get('last') ?? ''
  const after = tags.filter((tag) => tag > last)
  const page = after.slice(0, Number(query.get('n') ?? after.length))
  const end = page.at(-1)
  const hasMore = end !== undefined && page.length < after.length
  const next = `</v2/${repository}/tags/list?n=${page.length}&last=${end}>; rel="next"`
  return jsonReply(200, { name: repository, tags: page }, hasMore ? { link: next } : {})
}

/** Answers with an index of what refers to a manifest, of the type that is asked for (spec 1.1, "Listing Referrers"). */
export function referrersReply({ query }: OriginRequest, referrers: readonly BuiltContent[]): Reply {
  const wanted = query.get('artifactType')
  const manifests = referrers
    .map(({ bytes, descriptor }) => {
      const { artifactType, config, annotations } = JSON.parse(Buffer.from(bytes).toString()) as Referrer
      const { digest, mediaType, sizeBytes: size } = descriptor
      return { mediaType, digest, size, artifactType: artifactType ?? config?.mediaType, annotations }
    })
    .filter(({ artifactType }) => wanted === null || artifactType === wanted)
  const filtered = wanted === null ? {} : { 'oci-filters-applied': 'artifactType' }
  return jsonReply(
    200,
    { schemaVersion: 2, mediaType: OCI_INDEX, manifests },
    { 'content-type': OCI_INDEX, ...filtered },
  )
}

interface Referrer {
  readonly artifactType?: string
  readonly config?: { readonly mediaType?: string }
  readonly annotations?: unknown
}
