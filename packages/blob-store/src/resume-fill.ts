import type { FileHandle } from 'node:fs/promises'
import type { BufferPool } from './buffer-pool.ts'
import type { Disk } from './disk.ts'
import { decodeJournal } from './fill-journal-format.ts'
import type { OpenedJournal } from './fill-journal.ts'
import type { PausedFill } from './paused-fills.ts'
import { verifyPieces, type VerifiedPieces } from './verified-pieces.ts'

/** A paused fill whose files are open again. */
export interface ResumedFill {
  readonly handle: FileHandle
  readonly journal: OpenedJournal
  readonly verified: VerifiedPieces
}

/**
 * Opens the files of a paused fill and reads back what its journal claims. Undefined when nothing of it can be used.
 * Nothing but a torn end of the journal is changed, so a crash in the middle does no harm.
 */
export async function resumeFill(
  disk: Disk,
  pool: BufferPool,
  { blob, files }: Pick<PausedFill, 'blob' | 'files'>,
): Promise<ResumedFill | undefined> {
  await using opened = new AsyncDisposableStack()
  const journal = opened.use(await disk.open(files.journal, 'r+'))
  const bytes = await journal.readFile()
  const decoded = decodeJournal(bytes)
  if (decoded?.blob.digest !== blob.digest) return undefined
  // Records that lie behind a torn one would count again as soon as it is overwritten.
  if (decoded.validBytes < bytes.length) await journal.truncate(decoded.validBytes)
  const handle = opened.use(await disk.open(files.part, 'r+'))
  const verified = await verifyPieces(handle, blob, decoded.pieces, pool)
  if (verified.hashes.size === 0) return undefined
  opened.move()
  const { validBytes, pieces } = decoded
  return { handle, journal: { handle: journal, endBytes: validBytes, pieces: pieces.length }, verified }
}
