import { NameInvalidError, type ImageRef, type RepositoryRef } from '@layermesh/interface'
import { parseDigest } from './digest.ts'
import { quoteInput } from './quote-input.ts'
import { parseRepositoryName } from './repository-name.ts'
import { parseTag } from './tag.ts'
import { canonicalRepository, DOCKER_HUB, findUpstreamHost } from './upstream-host.ts'
import { requireUpstream, type UpstreamTable } from './upstream-table.ts'

const DEFAULT_TAG = 'latest'

/**
 * Reads the name of an image as people write it: `nginx`, `ghcr.io/org/app:1.2`, `localhost:5000/x@sha256:…`. What
 * is left out is `docker.io`, `library/` and `latest`; of a tag and a digest the digest counts.
 *
 * With `table`, other names of an upstream become its host. Throws ERR_NAME_INVALID, ERR_TAG_INVALID or
 * ERR_DIGEST_INVALID, and with `table` ERR_UPSTREAM_UNKNOWN.
 */
export function parseImageName(text: string, table?: UpstreamTable): ImageRef {
  const [nameAndTag, digest] = splitAt(text, text.indexOf('@'))
  const [name, tag] = splitAt(nameAndTag, tagColon(nameAndTag))
  const repository = parseImageRepository(name, table)
  const checkedTag = parseTag(tag ?? DEFAULT_TAG)
  return digest === undefined
    ? { ...repository, tag: checkedTag }
    : { ...repository, digest: parseDigest(digest) }
}

/** As {@link parseImageName}, for a repository: a name without a tag and a digest. */
export function parseImageRepository(text: string, table?: UpstreamTable): RepositoryRef {
  const [first, rest] = splitAt(text, text.indexOf('/'))
  const [host, path] = rest !== undefined && isHost(first) ? [first, rest] : [DOCKER_HUB, text]
  const upstream = table === undefined ? parseHost(host) : requireUpstream(table, host)
  return { upstream, repository: canonicalRepository(upstream, parseRepositoryName(path)) }
}

/** The name of an image in full, which {@link parseImageName} reads as the same: `docker.io/library/nginx:latest`. */
export function formatImageName(image: ImageRef): string {
  const name = formatImageRepository(image)
  return image.digest === undefined ? `${name}:${image.tag}` : `${name}@${image.digest}`
}

/** The name of a repository in full, which {@link parseImageRepository} reads as the same. */
export function formatImageRepository({ upstream, repository }: RepositoryRef): string {
  // A host that could be part of a path is taken for one unless it has a port, so it gets that of HTTPS.
  return `${isHost(upstream) ? upstream : `${upstream}:443`}/${repository}`
}

// What the first part of a name must be to be a host, in the reference grammar of all clients
// (github.com/distribution/reference, "normalize"): else `library/nginx` could be one at the host `library`.
function isHost(first: string): boolean {
  return /[.:]/.test(first) || first === 'localhost'
}

function parseHost(text: string): string {
  const host = findUpstreamHost(text)
  if (host === undefined) throw new NameInvalidError(`${quoteInput(text)} is no registry host`)
  return host
}

// A colon before the last slash is that of a port.
function tagColon(name: string): number {
  return name.indexOf(':', name.lastIndexOf('/') + 1)
}

function splitAt(text: string, index: number): readonly [before: string, after: string | undefined] {
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)]
}
