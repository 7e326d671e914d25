import { abortable } from '@layermesh/async'
import type { Clock } from '@layermesh/interface'

/** Waits for `delayMs`, or rejects with the reason of `signal`. */
export async function wait(clock: Clock, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const cancel = clock.setTimer(delayMs, () => resolve(undefined))
  try {
    await abortable(promise, signal)
  } finally {
    cancel()
  }
}
