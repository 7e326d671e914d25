import { setImmediate } from 'node:timers/promises'

/** Shorter than the time-out of a test, so that a loop doesn't outlive it. */
const PATIENCE_MS = 20_000

/** Lets the event loop turn until `condition` holds. */
export async function eventually(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error('it never happened')
    await setImmediate()
  }
}

/** Lets everything happen that needs no time to pass: a stream in memory needs a few turns of the event loop. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await setImmediate()
}
