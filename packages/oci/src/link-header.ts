/** A target in angle brackets, and its parameters up to the comma before the next one; none of these is quoted with a comma in it. */
const LINK = /<([^>]*)>([^,<]*)/g
const REL_NEXT = /;\s*rel\s*=\s*(?:"[^"]*\bnext\b[^"]*"|next\b)/i

/**
 * The target of the first link to a next page (RFC 8288 §3; distribution-spec 1.1, "Listing Tags"), from the lines of `Link`: absolute,
 * relative to the host or to the request, as the registry wrote it. Undefined when there is none.
 */
export function findNextLink(lines: readonly string[]): string | undefined {
  for (const line of lines) {
    for (const [, target, parameters = ''] of line.matchAll(LINK)) {
      if (REL_NEXT.test(parameters)) return target
    }
  }
  return undefined
}

/** The value of `Link` that says where the next page is. `target` must be a URL reference without angle brackets. */
export function nextLink(target: string): string {
  return `<${target}>; rel="next"`
}
