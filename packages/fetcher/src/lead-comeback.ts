import type { CancelTimer, Clock } from '@layermesh/interface'

/** How long it takes until leads that stood still are asked again for the first time, in milliseconds; then twice as long each time. */
export const COMEBACK_DELAY_MS = 1000

const MAX_COMEBACK_DELAY_MS = 8000

/** What {@link watchForComeback} works with. */
export interface ComebackWatch<Lead> {
  readonly clock: Clock
  /** Leads that stood still and come before the source that is used now. */
  readonly missed: () => readonly Lead[]
  /** Resolves when the lead gives the blob after all. */
  readonly ask: (lead: Lead, signal: AbortSignal) => Promise<void>
  readonly onBack: (lead: Lead) => void
}

/**
 * Asks leads that stood still again, in the background, until one of them is back. One that was only short of a processor for a moment
 * goes on with its own fetch: there would be two to the end. Dispose of the result when the copy ends.
 */
export function watchForComeback<Lead>({ clock, missed, ask, onBack }: ComebackWatch<Lead>): Disposable {
  const ended = new AbortController()
  let cancel: CancelTimer = () => {}
  const arm = (delayMs: number) => {
    cancel = clock.setTimer(delayMs, () => void look(delayMs))
  }
  const look = async (delayMs: number) => {
    for (const lead of missed()) {
      try {
        await ask(lead, ended.signal)
        if (!ended.signal.aborted) onBack(lead)
        return
      } catch {
        if (ended.signal.aborted) return
      }
    }
    arm(Math.min(MAX_COMEBACK_DELAY_MS, 2 * delayMs))
  }
  arm(COMEBACK_DELAY_MS)
  return {
    [Symbol.dispose]() {
      ended.abort(new Error('the copy has ended'))
      cancel()
    },
  }
}
