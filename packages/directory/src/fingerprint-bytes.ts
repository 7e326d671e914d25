/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction; a default would only hide a mistake */
import { z } from 'zod'
import { MAX_BUCKET_BITS, type FingerprintBits } from './fingerprint.ts'

const WORD_BYTES = 4

/** Size of one fingerprint on the wire, in bytes. */
const FINGERPRINT_BYTES = 2 * WORD_BYTES

/** A fingerprint on the wire: 8 bytes, big-endian. */
export const fingerprintSchema = z
  .instanceof(Uint8Array)
  .refine(({ length }) => length === FINGERPRINT_BYTES)
  .transform((bytes): FingerprintBits => {
    const [high = 0, low = 0] = wordsOf(bytes)
    return { high, low }
  })

/** The fingerprints of buckets on the wire, 8 bytes each: as many as a power of two that we use. */
export const bucketsSchema = z
  .instanceof(Uint8Array)
  .refine(({ length }) => Number.isInteger(bitsOf(length)) && bitsOf(length) <= MAX_BUCKET_BITS)
  .transform(wordsOf)

/** Writes a fingerprint as {@link fingerprintSchema} reads it. */
export function fingerprintToBytes({ high, low }: FingerprintBits): Uint8Array {
  return bucketsToBytes(Uint32Array.of(high, low))
}

/** Writes fingerprints as {@link bucketsSchema} reads them. */
export function bucketsToBytes(buckets: Uint32Array): Uint8Array {
  const bytes = Buffer.alloc(buckets.length * WORD_BYTES)
  for (let word = 0; word < buckets.length; word += 1) bytes.writeUInt32BE(buckets[word]!, word * WORD_BYTES)
  return bytes
}

/** How many bits tell so many fingerprints apart. */
export function bucketBitsOf(buckets: Uint32Array): number {
  return bitsOf(buckets.length * WORD_BYTES)
}

function bitsOf(bytes: number): number {
  return Math.log2(bytes / FINGERPRINT_BYTES)
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return Uint32Array.from({ length: bytes.length / WORD_BYTES }, (_, word) =>
    buffer.readUInt32BE(word * WORD_BYTES),
  )
}
