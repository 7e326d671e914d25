import type { Clock } from '@layermesh/interface'

/**
 * Unix time in milliseconds as the clock said it at the start, moved on by the monotonic clock: when somebody sets the
 * clock, nothing grows old at once, and nothing gets used in the future.
 */
export function steadyTime(clock: Clock): () => number {
  const offsetMs = clock.now() - clock.monotonicMs()
  return () => Math.round(offsetMs + clock.monotonicMs())
}
