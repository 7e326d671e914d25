import { type CancelTimer, type Clock, type LinkClass, PeerSlowError } from '@layermesh/interface'

const KiB = 1024

/** What a peer has sent, and the time that it took: that in which it had nothing to send doesn't count. */
export interface TransferFlow {
  readonly bytes: number
  readonly ms: number
}

/** A peer that sends no faster than this, in bytes per second, is left for another one, by the link to it. */
export const SLOW_BYTES_PER_SECOND: Readonly<Record<LinkClass, number>> = {
  site: 1024 * KiB,
  region: 512 * KiB,
  world: 256 * KiB,
}

/** How often a transfer is looked at, in milliseconds. */
export const LOOK_INTERVAL_MS = 250

/** Bytes that may be on their way and can't be seen yet. */
const UNSEEN_BYTES = 128 * KiB

/** A transfer is not judged before it has been sending for so long, in milliseconds. */
const MIN_JUDGED_MS = 1000

/** Whether a peer is slow for its link, given the benefit of the doubt for what can't be seen. */
export function isTooSlow({ bytes, ms }: TransferFlow, link: LinkClass): boolean {
  if (ms < MIN_JUDGED_MS) return false
  return ((bytes + UNSEEN_BYTES) / ms) * 1000 < SLOW_BYTES_PER_SECOND[link]
}

/** What {@link watchRate} looks at. */
export interface WatchedTransfer {
  readonly clock: Clock
  readonly link: LinkClass
  readonly flow: () => TransferFlow
  /** Whether there is anybody to ask instead. */
  readonly hasOther: () => boolean
}

/** Aborts its signal with ERR_PEER_SLOW once a peer is too slow and there is another. Dispose of it at the end. */
export function watchRate({ clock, link, flow, hasOther }: WatchedTransfer): Disposable & {
  readonly signal: AbortSignal
} {
  const controller = new AbortController()
  let cancel: CancelTimer
  const look = () => {
    const now = flow()
    if (isTooSlow(now, link) && hasOther()) {
      controller.abort(new PeerSlowError(`${now.bytes} bytes came in ${Math.round(now.ms)} ms`))
    } else cancel = clock.setTimer(LOOK_INTERVAL_MS, look)
  }
  cancel = clock.setTimer(LOOK_INTERVAL_MS, look)
  return { signal: controller.signal, [Symbol.dispose]: () => cancel() }
}
