import { type LayermeshError, UpstreamProtocolError, UpstreamUnreachableError } from '@layermesh/interface'
import { errors } from 'undici'
import { PrivateAddressError } from './address-guard.ts'

/**
 * Turns a failure before the reply's head into the error that callers branch on. Only the code of `cause` goes into
 * the message: its own text may hold addresses and parts of URLs.
 */
export function classifyNetworkFailure(asked: string, cause: unknown): LayermeshError {
  if (cause instanceof PrivateAddressError) {
    return new UpstreamProtocolError(`${asked} would go to a private address`, { cause })
  }
  if (cause instanceof errors.HTTPParserError || cause instanceof errors.HeadersOverflowError) {
    return new UpstreamProtocolError(`${asked} was not answered in HTTP`, { cause })
  }
  return new UpstreamUnreachableError(`${asked} got no answer (${codeOf(cause) ?? 'unknown failure'})`, {
    cause,
  })
}

/** The `code` of an error of Node.js or undici. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
