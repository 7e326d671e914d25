import { setTimeout } from 'node:timers/promises'

const LOOK_EVERY_MS = 20

/** The longest time, in milliseconds, without growth until `sizeBytes` are there, or `signal` is aborted. */
export async function longestStandstill(
  sentBytes: () => Promise<number>,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<number> {
  let longestMs = 0
  let last = { bytes: await sentBytes(), atMs: performance.now() }
  while (!signal.aborted && last.bytes < sizeBytes) {
    await setTimeout(LOOK_EVERY_MS)
    const bytes = await sentBytes()
    if (bytes === last.bytes) continue
    longestMs = Math.max(longestMs, performance.now() - last.atMs)
    last = { bytes, atMs: performance.now() }
  }
  return Math.round(longestMs)
}
