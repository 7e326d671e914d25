import { ProgressDeadline } from '@layermesh/async'
import type { Clock } from '@layermesh/interface'

/** How to notice a stall, and what to do then. */
export interface StallGuardInit {
  readonly clock: Clock
  /** How long the source may be silent, in milliseconds. */
  readonly timeoutMs: number
  readonly makeError: () => Error
  /** Makes the source's pending read reject with the error; a stage above a silent source can't do that itself. */
  readonly cut: (error: Error) => void
}

/** A stage that cuts its source off when it is silent for too long. The time that the reader takes doesn't count. */
export function stallGuard({ clock, timeoutMs, makeError, cut }: StallGuardInit) {
  return async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    using deadline = new ProgressDeadline(clock, timeoutMs, makeError)
    deadline.signal.addEventListener('abort', () => cut(deadline.signal.reason as Error), { once: true })
    for await (const chunk of source) {
      deadline.pause()
      yield chunk
      deadline.progress()
    }
  }
}
