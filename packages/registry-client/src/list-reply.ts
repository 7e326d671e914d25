import { UpstreamProtocolError, type UpstreamReferrers, type UpstreamTags } from '@layermesh/interface'
import { findNextLink } from '@layermesh/oci'
import type { HttpReply } from './http-transport.ts'

/** The longest page of a list that is read, in bytes: there are repositories with a hundred thousand tags. */
export const MAX_LIST_BYTES = 8 * 1024 * 1024

/** The head of a reply, as far as it says what a page is a part of. */
export type ListHead = Pick<HttpReply, 'asked' | 'url' | 'header' | 'headerLines'>

/** Reads a page of tags (distribution-spec 1.1, "Listing Tags"). Throws ERR_UPSTREAM_PROTOCOL when it is none. */
export function readTagsPage(head: ListHead, bytes: Uint8Array): UpstreamTags {
  const { tags } = parseObject(head, bytes)
  // Registries in Go write an empty list as null.
  const list: unknown = tags ?? []
  if (!isStrings(list)) throw new UpstreamProtocolError(`${head.asked} was answered with no list of tags`)
  return { tags: list, nextQuery: nextQueryOf(head) }
}

/**
 * Reads a page of referrers (distribution-spec 1.1, "Listing Referrers"), whatever type the reply declares. Throws
 * ERR_UPSTREAM_PROTOCOL when it is no index, as the start page that some servers answer everything with.
 */
export function readReferrersPage(head: ListHead, bytes: Uint8Array): UpstreamReferrers {
  const { manifests } = parseObject(head, bytes)
  if (!Array.isArray(manifests)) {
    throw new UpstreamProtocolError(`${head.asked} was answered with no list of referrers`)
  }
  return { bytes, filtersApplied: head.header('oci-filters-applied'), nextQuery: nextQueryOf(head) }
}

function parseObject({ asked }: ListHead, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString())
  } catch (cause) {
    throw new UpstreamProtocolError(`${asked} was answered with no JSON`, { cause })
  }
  if (typeof parsed !== 'object' || parsed === null)
    throw new UpstreamProtocolError(`${asked} was answered with no JSON object`)
  return parsed as Readonly<Record<string, unknown>>
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

// Where a link leads is not looked at: the next page is asked of the same list. Its query is what counts, and `ns` is not part of it,
// which a mirror puts there for itself.
function nextQueryOf({ headerLines, url }: ListHead): string | undefined {
  const link = findNextLink(headerLines('link'))
  const query = link === undefined ? undefined : URL.parse(link, url.href)?.searchParams
  query?.delete('ns')
  return query?.toString()
}
