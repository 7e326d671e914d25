const SHOWN_CHARACTERS = 12

/** A digest as people tell digests apart: `sha256:0123456789ab`. */
export function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 1 + SHOWN_CHARACTERS)
}
