import { performance } from 'node:perf_hooks'
import type { Clock } from '@layermesh/interface'

/**
 * Returns a function that says in which share of the time the event loop was busy, 0 to 1, over the last
 * `intervalMs` or more before it was last measured.
 */
export function createBusyShare(clock: Clock, intervalMs: number): () => number {
  let last = performance.eventLoopUtilization()
  let measuredAtMs = clock.monotonicMs()
  let share = 0
  return () => {
    if (clock.monotonicMs() - measuredAtMs < intervalMs) return share
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    measuredAtMs = clock.monotonicMs()
    share = Math.round(Math.min(1, Math.max(0, utilization)) * 1000) / 1000
    return share
  }
}
