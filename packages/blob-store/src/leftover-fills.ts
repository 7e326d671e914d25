import { join } from 'node:path'
import type { BlobStat, Clock, Log } from '@layermesh/interface'
import type { DataLayout } from './data-layout.ts'
import type { Disk, DiskStat } from './disk.ts'
import { fillFilesOf, removeFillFiles, type FillFiles } from './fill-files.ts'
import {
  decodeJournalHeader,
  isOtherJournalVersion,
  JOURNAL_HEADER_BYTES,
  JOURNAL_PIECE_BYTES,
} from './fill-journal-format.ts'
import { occupiedBytes, type PausedFill, type PausedFills } from './paused-fills.ts'
import { readFully } from './range-reader.ts'

export interface LeftoverFillsDeps {
  readonly log: Log
  readonly clock: Clock
  readonly disk: Disk
  readonly layout: DataLayout
  readonly paused: PausedFills
}

/** How many leftovers are looked at at once: more than Node's threads for files bring nothing. */
const CONCURRENCY = 8

/** Why a leftover is removed: it isn't a pair of files with a header and a piece, or it was written by another version. */
type Useless = 'incomplete' | 'other version'

/**
 * Looks through the files of fills that an earlier process has left: those that can be resumed become paused fills,
 * everything else is removed. Reads headers only; what they claim is verified when somebody wants the blob.
 */
export async function sortLeftoverFills(deps: LeftoverFillsDeps): Promise<void> {
  const { log, disk, layout, paused } = deps
  const names = new Set(await disk.readdir(layout.fills))
  const strangers = [...names].filter((name) => stemOf(name) === undefined)
  const stems = new Set([...names].map(stemOf).filter((stem) => stem !== undefined))
  for (const name of strangers) await disk.remove(join(layout.fills, name))
  let otherVersions = 0
  const waiting = stems.values()
  const sortWaiting = async () => {
    for (const stem of waiting) {
      const files = fillFilesOf(join(layout.fills, stem))
      const leftover = await examine(deps, files)
      if (leftover === 'other version') otherVersions++
      if (typeof leftover === 'string') await removeFillFiles(disk, files)
      else await paused.add(leftover)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, sortWaiting))
  if (names.size === 0) return
  const kept = paused.list().toArray().length
  log.info({ kept, removed: strangers.length + stems.size - kept, otherVersions }, 'unfinished fills found')
}

/** What the names of a fill's files have in common; undefined when `name` is not that of such a file. */
function stemOf(name: string): string | undefined {
  return /^(.+)\.(?:part|journal)$/.exec(name)?.[1]
}

async function examine({ clock, disk }: LeftoverFillsDeps, files: FillFiles): Promise<PausedFill | Useless> {
  try {
    const journal = await examineJournal(disk, files.journal)
    if (typeof journal === 'string') return journal
    const { blob, stat } = journal
    const pieces = Math.floor((stat.size - JOURNAL_HEADER_BYTES) / JOURNAL_PIECE_BYTES)
    if (pieces < 1) return 'incomplete'
    const part = await disk.stat(files.part)
    // A clock that was set back must not make it younger for ever.
    const pausedAtMs = Math.min(Math.max(part.mtimeMs, stat.mtimeMs), clock.now())
    const sizeBytes = occupiedBytes(part, blob, pieces)
    return { digest: blob.digest, blob, files, pieces, sizeBytes, pausedAtMs }
  } catch {
    // What isn't there or can't be read can't be resumed.
    return 'incomplete'
  }
}

async function examineJournal(
  disk: Disk,
  path: string,
): Promise<{ readonly blob: BlobStat; readonly stat: DiskStat } | Useless> {
  await using handle = await disk.open(path, 'r')
  const bytes = new Uint8Array(JOURNAL_HEADER_BYTES)
  const header = bytes.subarray(0, await readFully(handle, bytes, 0))
  const blob = decodeJournalHeader(header)
  if (blob !== undefined) return { blob, stat: await handle.stat() }
  return isOtherJournalVersion(header) ? 'other version' : 'incomplete'
}
