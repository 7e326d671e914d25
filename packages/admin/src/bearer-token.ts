import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether a request has the token: `missing` when it doesn't try, `wrong` when it has another. */
export type TokenCheck = 'right' | 'missing' | 'wrong'

/** Compares the Authorization header with `Bearer <token>` (RFC 6750 §2.1), in a time that tells nothing of the token. */
export function checkBearerToken(header: string | undefined, token: string): TokenCheck {
  const [, given] = /^Bearer +(\S+) *$/i.exec(header ?? '') ?? []
  if (given === undefined) return 'missing'
  // Hashes have the same length whatever was given.
  return timingSafeEqual(sha256(given), sha256(token)) ? 'right' : 'wrong'
}

/** The WWW-Authenticate header of the refusal (RFC 6750 §3): an error code only for who sent a token. */
export function bearerChallenge(check: Exclude<TokenCheck, 'right'>): string {
  return check === 'missing' ? 'Bearer realm="layermesh"' : 'Bearer realm="layermesh", error="invalid_token"'
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
