import type { FileHandle } from 'node:fs/promises'
import { readFully } from './range-reader.ts'
import { canBeManifest, parseManifest, type StoredManifest } from './stored-manifest.ts'

const OPENING_BRACE = 0x7b

/**
 * Reads a finished blob's file as a manifest; undefined when it is none, which one byte tells of nearly every layer: pass
 * it on when you have it.
 */
export async function readManifestFile(
  file: FileHandle,
  sizeBytes: number,
  firstByte?: number,
): Promise<StoredManifest | undefined> {
  if (sizeBytes === 0 || !canBeManifest(sizeBytes)) return undefined
  if ((firstByte ?? (await readFirstByte(file))) !== OPENING_BRACE) return undefined
  const bytes = new Uint8Array(sizeBytes)
  await readFully(file, bytes, 0)
  return parseManifest(bytes)
}

async function readFirstByte(file: FileHandle): Promise<number | undefined> {
  const bytes = new Uint8Array(1)
  await readFully(file, bytes, 0)
  return bytes[0]
}
