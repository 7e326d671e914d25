import type { Digest } from '@layermesh/interface'

/**
 * Something other than sending it whole: wait or hang up, before the status line or, with `afterBytes`, once so
 * many bytes of the body are with the client's system; or wait again and again, before each few bytes.
 */
type Disruption =
  | { readonly type: 'pause'; readonly afterBytes?: number; readonly until: Promise<void> }
  | { readonly type: 'cut'; readonly afterBytes?: number }
  | { readonly type: 'drip'; readonly bytes: number; pause(closed: Promise<void>): Promise<void> }

/** Names in lower case; several values are several lines. */
export type ReplyHeaders = Readonly<Record<string, string | readonly string[]>>

/** An HTTP reply as data, so that a fault is a function from one reply to another. */
export interface Reply {
  readonly status: number
  readonly headers: ReplyHeaders
  /** What a GET gets; a HEAD gets the headers alone. */
  readonly body: Uint8Array
  /** The content that the body is, or is a part of, and its whole size. Absent: an error, a token, a list. */
  readonly content?: { readonly digest: Digest; readonly sizeBytes: number }
  readonly disruption?: Disruption
}

const NO_BYTES = new Uint8Array()

/** A reply without a body. */
export function emptyReply(status: number, headers: Reply['headers'] = {}): Reply {
  return { status, headers, body: NO_BYTES }
}

/** A reply that is a value's JSON. */
export function jsonReply(status: number, value: unknown, headers: Reply['headers'] = {}): Reply {
  const body = Buffer.from(JSON.stringify(value))
  return {
    status,
    headers: { 'content-type': 'application/json', 'content-length': String(body.length), ...headers },
    body,
  }
}

/** An error in the form of distribution-spec 1.1, "Error Codes". */
export function errorReply(
  status: number,
  code: string,
  message: string,
  headers: Reply['headers'] = {},
): Reply {
  return jsonReply(status, { errors: [{ code, message }] }, headers)
}
