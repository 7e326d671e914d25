import {
  type LayermeshError,
  UpstreamDeniedError,
  UpstreamProtocolError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { errors } from 'undici'
import { PrivateAddressError } from './address-guard.ts'

/** What a server says in TLS to who shows no certificate, or one that it doesn't accept (RFC 8446 §6.2). */
const REFUSED_CERTIFICATE =
  /ALERT_(CERTIFICATE_\w+|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)$/
/** What servers do in place of that, or before TLS 1.3. */
const SILENT_REFUSALS = /^(UND_ERR_SOCKET|ECONNRESET|EPIPE)$|ALERT_HANDSHAKE_FAILURE$/

/**
 * Turns a failure before the reply's head into the error that callers branch on. Only the code of `cause` goes into
 * the message: its own text may hold addresses and parts of URLs. Whether a server that hangs up on a request without the certificate
 * that there is for it (`withheld`) wants to see that can't be told; it would be wrong to think it dead for those who have it.
 */
export function classifyNetworkFailure(asked: string, cause: unknown, withheld = false): LayermeshError {
  if (cause instanceof PrivateAddressError) {
    return new UpstreamProtocolError(`${asked} would go to a private address`, { cause })
  }
  if (cause instanceof errors.HTTPParserError || cause instanceof errors.HeadersOverflowError) {
    return new UpstreamProtocolError(`${asked} was not answered in HTTP`, { cause })
  }
  const code = codeOf(cause) ?? ''
  if (REFUSED_CERTIFICATE.test(code)) {
    return new UpstreamDeniedError(`${asked} was refused for its certificate (${code})`, { cause })
  }
  if (withheld && SILENT_REFUSALS.test(code)) {
    return new UpstreamDeniedError(`${asked} was refused without a certificate (${code})`, { cause })
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
