import { isIndexMediaType, isImageMediaType } from './media-types.ts'

/** Docker's schema 1: a client that lists it, lists an image manifest. */
const SCHEMA1_MEDIA_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
])

/**
 * Whether a manifest of `mediaType` can be given to a client with this `Accept` header. Only one case is refused: an
 * index, for a client that lists image manifests and nothing else and would misread it. Any other client is taken
 * to know what it asked for, since by digest there is nothing else to give, and no client recovers from a 406.
 */
export function acceptsManifest(header: string | undefined, mediaType: string): boolean {
  return header === undefined || !isIndexMediaType(mediaType) || !listsOnlyImages(header)
}

function listsOnlyImages(header: string): boolean {
  const types = header.split(',').map((element) => (element.split(';', 1)[0] ?? '').trim().toLowerCase())
  return types.every((type) => isImageMediaType(type) || SCHEMA1_MEDIA_TYPES.has(type))
}
