import type { Clock } from '@layermesh/interface'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/**
 * npm passes a Ctrl-C on to a process that the terminal has told already, so what comes within this time of the
 * first signal is the same keystroke, in milliseconds.
 */
const SAME_KEYSTROKE_MS = 1000

/** What the process does about signals to stop. */
export interface StopSignal {
  /** Resolves at the first one. */
  readonly requested: Promise<void>
}

/** Listens for Ctrl-C and SIGTERM from now on. `onRepeated` is called when somebody does not want to wait any longer. */
export function listenForStop(clock: Clock, onRepeated: () => void): StopSignal {
  const requested = Promise.withResolvers<undefined>()
  let firstMs: number | undefined
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      firstMs ??= clock.monotonicMs()
      requested.resolve(undefined)
      if (clock.monotonicMs() - firstMs > SAME_KEYSTROKE_MS) onRepeated()
    })
  }
  return { requested: requested.promise }
}
