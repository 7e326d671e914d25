/** How many round trips a peer may show no life, whatever the setting says. */
const ROUND_TRIPS = 10

/** The setting counts this much at most: a peer that is so slow to answer is of no use. */
const MAX_STRETCH = 10

/**
 * For how many milliseconds a peer may show no life: as the setting says, and longer when its heartbeats took long to be
 * answered lately. A peer that is short of processor time, or behind a link that is full, is no dead one.
 */
export function stallTimeoutMs(settingMs: number, roundTripMs: number | undefined): number {
  return Math.min(MAX_STRETCH * settingMs, Math.max(settingMs, ROUND_TRIPS * (roundTripMs ?? 0)))
}
