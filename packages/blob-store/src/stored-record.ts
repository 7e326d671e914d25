import type { Access, Digest, RepositoryRef } from '@layermesh/interface'
import { parseDigest } from '@layermesh/oci'

/** Parses a stored record; undefined when it is no JSON object. Fields that the caller doesn't know are its to ignore. */
export function parseStoredRecord(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether `value` is an object, whose fields may be anything. */
export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** A digest that was stored, as a field, a key or a file name; undefined when it is none. */
export function parseStoredDigest(value: unknown): Digest | undefined {
  try {
    return typeof value === 'string' ? parseDigest(value) : undefined
  } catch {
    return undefined
  }
}

/** The repository that the fields of a stored record name; undefined when they name none. */
export function parseStoredRepository(fields: Readonly<Record<string, unknown>>): RepositoryRef | undefined {
  const { upstream, repository } = fields
  return isText(upstream) && isText(repository)
    ? { upstream, repository, ...parseStoredAccess(fields) }
    : undefined
}

/** The access that a stored record speaks of: whatever it is that isn't `anonymous`, others get nothing of it. */
export function parseStoredAccess({ access }: Readonly<Record<string, unknown>>): {
  readonly access?: Access
} {
  return access === undefined || access === 'anonymous' ? {} : { access: 'login' }
}

/** Whether `value` is a text that isn't empty. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** Whether `value` is a whole number from 0 on. */
export function isWholeNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
