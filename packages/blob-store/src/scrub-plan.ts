import type { BlobEntry } from './blob-entry.ts'

const MiB = 1024 * 1024

/** Slower than this it need not be, in bytes per second. */
const MIN_RATE_BYTES_PER_SECOND = 4 * MiB

/** What is to be scrubbed. */
export interface ScrubPlan {
  /** Those that were verified a period ago or earlier, the one whose turn is longest over first. */
  readonly due: readonly BlobEntry[]
  /** When the next will be due, in milliseconds from now; 0 when some are. */
  readonly nextDueInMs: number
}

/** Says which blobs are due, so that each is verified once in `periodMs`. */
export function planScrub(entries: Iterable<BlobEntry>, nowMs: number, periodMs: number): ScrubPlan {
  const due: BlobEntry[] = []
  let nextDueInMs = periodMs
  for (const entry of entries) {
    const dueInMs = entry.verifiedAtMs + periodMs - nowMs
    nextDueInMs = Math.min(nextDueInMs, Math.max(0, dueInMs))
    if (dueInMs <= 0) due.push(entry)
  }
  return { due: due.toSorted((a, b) => a.verifiedAtMs - b.verifiedAtMs), nextDueInMs }
}

/**
 * How fast to read so that all is read in the period with time to spare, in bytes per second: twice what it takes.
 * So scrubbing takes a small and even part of the disk however much is due at once.
 */
export function scrubRate(totalBytes: number, periodMs: number): number {
  return Math.max(MIN_RATE_BYTES_PER_SECOND, (2 * totalBytes * 1000) / periodMs)
}
