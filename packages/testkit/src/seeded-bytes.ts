import { createCipheriv, createHash } from 'node:crypto'

/**
 * Bytes that look random, don't compress, and are the same for the same seed and size on every machine:
 * the key stream of AES-128-CTR, which the processor makes faster than a disk could read them.
 */
export function seededBytes(seed: string, sizeBytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes))
}
