import type { PeerId } from '@layermesh/interface'
import { z } from 'zod'
import type { Holding } from './claim.ts'
import { SHA256_BYTES, SHA512_BYTES } from './digest-bytes.ts'

/** Longest peer id that is read, in characters; today's have about 52. */
const MAX_PEER_ID_LENGTH = 128

/** Non-negative integers that JavaScript counts with exactly. */
export const natural = z.int().nonnegative()

/** A digest on the wire: the bytes of its hash. Its length tells the algorithm. */
export const hashSchema = z
  .instanceof(Uint8Array)
  .refine(({ length }) => length === SHA256_BYTES || length === SHA512_BYTES)

/** A holding on the wire: a list of the hash and the size in bytes. */
export const holdingSchema: z.ZodType<Holding> = z.tuple([hashSchema, natural])

/** A peer on the wire: its id as text. */
export const peerSchema = z
  .string()
  .min(1)
  .max(MAX_PEER_ID_LENGTH)
  .transform((text) => text as PeerId)
