import type { Clock } from '@layermesh/interface'

/**
 * npm passes a Ctrl-C on to a process that the terminal has told already, so what comes within this time of the
 * first signal is the same keystroke, in milliseconds.
 */
export const SAME_KEYSTROKE_MS = 1000

/** Where signals come from, and the time. */
export interface StopSignalDeps {
  /** The process. */
  readonly emitter: Pick<NodeJS.EventEmitter, 'on'>
  readonly clock: Clock
  /** Called when somebody doesn't want to wait for an orderly stop any longer. */
  readonly onRepeated: () => void
}

/** Listens for Ctrl-C and SIGTERM from now on; resolves at the first one. */
export function stopSignal({ emitter, clock, onRepeated }: StopSignalDeps): Promise<void> {
  return new Promise((resolve) => {
    let firstMs: number | undefined
    const onSignal = () => {
      firstMs ??= clock.monotonicMs()
      if (clock.monotonicMs() - firstMs > SAME_KEYSTROKE_MS) onRepeated()
      resolve()
    }
    emitter.on('SIGINT', onSignal)
    emitter.on('SIGTERM', onSignal)
  })
}
