import { LayermeshError } from '@layermesh/interface'

const SECRET_KEY = /(authorization|cookie|token|secret|password|credentials?|api_?key|private_?key)$/i
const QUERY_KEY = /(url|uri)$/i
// Presigned URLs carry their permission in the query, and some people their password before the host.
const URL_QUERY = /(\b[a-z][a-z\d+.-]*:\/\/[^\s?#"'<>]*)\?[^\s"'<>]*/gi
const URL_USER = /(\b[a-z][a-z\d+.-]*:\/\/)[^\s/?#@"'<>]+@/gi

const REDACTED = '[redacted]'
const MAX_DEPTH = 8

type Fields = Readonly<Record<string, unknown>>

/**
 * What may be written of the fields of a log line: values of keys that name a secret are redacted, queries and
 * user names are taken out of URLs wherever they stand, errors become their name, code, message and causes.
 */
export function loggable(fields: Fields): Fields {
  return members(fields, MAX_DEPTH)
}

function members(fields: object, depth: number): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, member(key, value as unknown, depth)]),
  )
}

function member(key: string, value: unknown, depth: number): unknown {
  if (value === undefined) return undefined
  if (SECRET_KEY.test(key)) return REDACTED
  if (typeof value === 'string' && QUERY_KEY.test(key))
    return withoutUrlSecrets(value.replace(/\?.*$/s, '?…'))
  return sanitized(value, depth - 1)
}

function sanitized(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return withoutUrlSecrets(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`
  if (value instanceof URL) return withoutUrlSecrets(value.href)
  if (depth <= 0) return '…'
  if (value instanceof Error) return errorFields(value, depth)
  if (Array.isArray(value)) return value.map((each: unknown) => sanitized(each, depth - 1))
  if (value instanceof Map) return members(Object.fromEntries(value) as object, depth)
  if (value instanceof Set) return Array.from(value, (each: unknown) => sanitized(each, depth - 1))
  return 'toJSON' in value ? value : members(value, depth)
}

function errorFields(error: Error & { readonly code?: unknown }, depth: number): Fields {
  return {
    name: error.name,
    ...(error.code === undefined ? {} : { code: error.code }),
    message: withoutUrlSecrets(error.message),
    // Our own errors say all there is to say; the stack of any other one tells where something unforeseen happened.
    ...(error instanceof LayermeshError ? {} : { stack: withoutUrlSecrets(error.stack ?? '') }),
    ...(error instanceof AggregateError ? { errors: sanitized(error.errors, depth - 1) } : {}),
    ...(error.cause === undefined ? {} : { cause: sanitized(error.cause, depth - 1) }),
  }
}

function withoutUrlSecrets(text: string): string {
  if (!text.includes('://')) return text
  return text.replace(URL_QUERY, '$1?…').replace(URL_USER, '$1')
}
