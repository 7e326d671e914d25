import { z } from 'zod'
import { digestFromBytes, digestToBytes } from './digest-bytes.ts'
import type { Holding } from './holdings-table.ts'

/** Non-negative integers that JavaScript counts with exactly. */
export const natural = z.int().nonnegative()

/** A digest on the wire: the bytes of its hash. */
export const digestSchema = z.instanceof(Uint8Array).transform(digestFromBytes)

/** A holding on the wire: a list of the digest and the size in bytes. */
export const holdingSchema = z.tuple([digestSchema, natural]).transform((holding): Holding => holding)

/** Writes a holding as {@link holdingSchema} reads it. */
export function holdingToWire([digest, sizeBytes]: Holding): [Uint8Array, number] {
  return [digestToBytes(digest), sizeBytes]
}
