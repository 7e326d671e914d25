import type { Digest } from '@layermesh/interface'
import { parseDigest } from '@layermesh/oci'

/** Parses a stored record; undefined when it is no JSON object. Fields that the caller doesn't know are its to ignore. */
export function parseStoredRecord(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** A digest that was stored, as a field, a key or a file name; undefined when it is none. */
export function parseStoredDigest(value: unknown): Digest | undefined {
  try {
    return typeof value === 'string' ? parseDigest(value) : undefined
  } catch {
    return undefined
  }
}

/** Whether `value` is a whole number from 0 on. */
export function isWholeNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
