import type { Evictor } from './evictor.ts'
import type { PausedFills } from './paused-fills.ts'
import type { Quarantine } from './quarantine.ts'

/** What can be let go of. */
export interface MakeRoomDeps {
  readonly paused: PausedFills
  readonly quarantine: Quarantine
  readonly evictor: Evictor
}

/**
 * Lets go of `bytes` or a little more: of paused fills first, the oldest before the others, then of what is in
 * quarantine, then of finished blobs, and of none of these with `orNothing` if it would not be enough. Resolves to the
 * bytes that went.
 */
export async function makeRoom(
  { paused, quarantine, evictor }: MakeRoomDeps,
  bytes: number,
  options: { readonly orNothing: boolean },
): Promise<number> {
  let freedBytes = 0
  const oldestFirst = paused
    .list()
    .toArray()
    .toSorted((a, b) => a.pausedAtMs - b.pausedAtMs)
  for (const { digest, sizeBytes } of oldestFirst) {
    if (freedBytes >= bytes) return freedBytes
    await paused.drop(digest)
    freedBytes += sizeBytes
  }
  if (freedBytes < bytes) freedBytes += await quarantine.empty()
  if (freedBytes < bytes) freedBytes += await evictor.evict(bytes - freedBytes, options)
  return freedBytes
}
