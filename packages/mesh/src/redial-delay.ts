/** Longest pause between two attempts to reach a peer, in milliseconds. */
export const MAX_REDIAL_DELAY_MS = 60_000

const FIRST_REDIAL_DELAY_MS = 1_000

/**
 * How long to wait before a peer is dialled again after `failures` attempts in a row (at least 1) that came to
 * nothing: doubled each time, up to {@link MAX_REDIAL_DELAY_MS}, of which `random` (0 to 1) takes off up to half, so
 * that the nodes of a site don't all dial at once when a link comes back.
 */
export function redialDelayMs({ failures, random }: { failures: number; random: () => number }): number {
  const delayMs = Math.min(MAX_REDIAL_DELAY_MS, FIRST_REDIAL_DELAY_MS * 2 ** (failures - 1))
  return delayMs * (1 - random() / 2)
}
