import { type LayermeshError, UpstreamProtocolError, UpstreamUnreachableError } from '@layermesh/interface'

/** Codes of replies that are no HTTP, or more header than anybody sends. */
const NOT_HTTP = /^(?:HPE_|UND_ERR_HEADERS_OVERFLOW$)/

/**
 * Turns a failure before the reply's head into the error that callers branch on. Only the code of `cause` goes into
 * the message: its own text may hold addresses and parts of URLs.
 */
export function classifyNetworkFailure(asked: string, cause: unknown): LayermeshError {
  const code = codeOf(cause) ?? 'unknown failure'
  if (NOT_HTTP.test(code))
    return new UpstreamProtocolError(`${asked} was not answered in HTTP (${code})`, { cause })
  return new UpstreamUnreachableError(`${asked} got no answer (${code})`, { cause })
}

/** The `code` of an error of Node.js or undici. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
