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
  // Whether blobs can go is found out first: what is let go of in vain would be of use to nobody.
  const lesserBytes = paused.bytes + quarantine.bytes
  let freedBytes = 0
  if (lesserBytes < bytes) {
    freedBytes = await evictor.evict(bytes - lesserBytes, options)
    if (freedBytes === 0 && options.orNothing) return 0
  }
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
  return freedBytes
}
