import { type CancelTimer, type Clock, type LinkClass, PeerSlowError } from '@layermesh/interface'

const KiB = 1024

/** What a peer has sent, and the time that it took: that in which it had nothing to send doesn't count. */
export interface TransferFlow {
  readonly bytes: number
  readonly ms: number
}

/**
 * A peer that sends no faster than this, in bytes per second, is left for another one, by the link to it. Transfers that come at the same
 * time share it, as they share this node's own link and processor.
 */
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

/** How many transfers from peers come to a node at a time. */
export class RunningTransfers {
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Counts a transfer until the result is disposed of. */
  begin(): Disposable {
    this.#count += 1
    return { [Symbol.dispose]: () => void (this.#count -= 1) }
  }
}

/** Whether a peer is slow for its link, one of `transfers` that come at a time, given the benefit of the doubt for what can't be seen. */
export function isTooSlow({ bytes, ms }: TransferFlow, link: LinkClass, transfers: number): boolean {
  if (ms < MIN_JUDGED_MS) return false
  return ((bytes + UNSEEN_BYTES) / ms) * 1000 < SLOW_BYTES_PER_SECOND[link] / transfers
}

/** What {@link watchRate} looks at. */
export interface WatchedTransfer {
  readonly clock: Clock
  readonly link: LinkClass
  readonly flow: () => TransferFlow
  readonly running: RunningTransfers
  /** Whether there is anybody to ask instead. */
  readonly hasOther: () => boolean
}

/** Aborts its signal with ERR_PEER_SLOW once a peer is too slow and there is another. Dispose of it at the end. */
export function watchRate({ clock, link, flow, running, hasOther }: WatchedTransfer): Disposable & {
  readonly signal: AbortSignal
} {
  const controller = new AbortController()
  let cancel: CancelTimer
  const counted = running.begin()
  const look = () => {
    const now = flow()
    if (isTooSlow(now, link, running.count) && hasOther()) {
      controller.abort(new PeerSlowError(`${now.bytes} bytes came in ${Math.round(now.ms)} ms`))
    } else cancel = clock.setTimer(LOOK_INTERVAL_MS, look)
  }
  cancel = clock.setTimer(LOOK_INTERVAL_MS, look)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      cancel()
      counted[Symbol.dispose]()
    },
  }
}
