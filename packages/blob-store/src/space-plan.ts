/** How much the store may take. */
export interface SpaceLimits {
  /** For our own bytes. */
  readonly maxBytes: number
  /** What has to stay free on the file system. */
  readonly minFreeBytes: number
}

/** How things stand. */
export interface SpaceUse {
  /** Finished blobs, what fills have reserved, paused fills and quarantine. */
  readonly usedBytes: number
  /** What of it has been reserved and isn't written yet: it will still be taken from what is free. */
  readonly unwrittenBytes: number
  /** What the file system has left. */
  readonly freeBytes: number
}

/** From this share of the budget on, room is made before anybody needs it ... */
const HIGH_WATER = 0.95
/** ... until no more than this share is used, so that it isn't made blob by blob. */
const LOW_WATER = 0.85

/** How many bytes have to go before `wantedBytes` more may be taken; 0 when they may be taken now. */
export function missingBytes(limits: SpaceLimits, use: SpaceUse, wantedBytes: number): number {
  const overBudget = use.usedBytes + wantedBytes - limits.maxBytes
  const underFloor = limits.minFreeBytes + use.unwrittenBytes + wantedBytes - use.freeBytes
  return Math.max(0, overBudget, underFloor)
}

/** How many bytes should go now although nobody needs them yet: down to the low-water mark, or to the free floor. */
export function excessBytes(limits: SpaceLimits, use: SpaceUse): number {
  const isHigh = use.usedBytes > limits.maxBytes * HIGH_WATER
  const overBudget = isHigh ? Math.ceil(use.usedBytes - limits.maxBytes * LOW_WATER) : 0
  return Math.max(overBudget, missingBytes(limits, use, 0))
}
