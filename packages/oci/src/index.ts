/**
 * The words of the OCI image-spec and distribution-spec: digests, names, references, media types, manifests,
 * routes, ranges and error bodies. Pure: text and bytes in, values or errors out.
 *
 * @packageDocumentation
 */
export { acceptsManifest } from './accept-header.ts'
export {
  findBearerChallenge,
  offersBasic,
  parseAuthChallenges,
  type AuthChallenge,
  type BearerChallenge,
} from './auth-challenge.ts'
export {
  contentRange,
  MAX_RANGES,
  parseRange,
  unsatisfiedContentRange,
  type RequestedRange,
  type RequestedRanges,
} from './byte-range-header.ts'
export {
  createDigestHash,
  digestAlgorithm,
  digestHex,
  digestOf,
  parseDigest,
  type DigestHash,
} from './digest.ts'
export {
  parseRoute,
  type Route,
  type RoutedList,
  type RoutedRepository,
  type RouteHints,
} from './distribution-route.ts'
export { entityTag, ifRangeHolds, noneMatchNames } from './entity-tag.ts'
export { errorBody, type OciErrorCode } from './error-body.ts'
export { formatImageName, formatImageRepository, parseImageName, parseImageRepository } from './image-name.ts'
export { findNextLink, nextLink } from './link-header.ts'
export { MAX_MANIFEST_BYTES } from './manifest-document.ts'
export { manifestMediaType } from './manifest-media-type.ts'
export { referencesOf, type IndexChild, type ManifestReferences } from './manifest-references.ts'
export {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  isIndexMediaType,
  MANIFEST_ACCEPT,
  MANIFEST_MEDIA_TYPES,
  OCI_INDEX,
  OCI_MANIFEST,
} from './media-types.ts'
export { isDigestReference, parseReference, type Reference } from './reference.ts'
export { MAX_REPOSITORY_NAME_LENGTH, parseRepositoryName } from './repository-name.ts'
export { cutTagPage, type TagPage } from './tag-page.ts'
export { isReferrersTag, parseTag } from './tag.ts'
export {
  canonicalRepository,
  canonicalUpstreamHost,
  DOCKER_HUB,
  findPublicHost,
  findUpstreamHost,
} from './upstream-host.ts'
export {
  createUpstreamTable,
  requireUpstream,
  type UpstreamNames,
  type UpstreamTable,
  type UpstreamTableOptions,
} from './upstream-table.ts'
