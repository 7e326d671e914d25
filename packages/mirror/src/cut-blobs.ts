import type { Digest } from '@layermesh/interface'

/** For how long a blob whose reply was cut is not gone on with from here, in milliseconds. */
export const CUT_MS = 60_000

/** How many blobs are remembered; those that were cut first are forgotten first. */
const MAX_CUT_BLOBS = 1000

/**
 * The blobs that no source could go on with in the middle of a reply. Runtimes come back for the rest with a `Range`: were they served
 * from here again and again, containerd would give up after three tries without asking the registry. Told that there is no
 * such blob, it goes on there, at the same offset. Times are monotonic milliseconds.
 */
export class CutBlobs {
  readonly #untilMs = new Map<Digest, number>()

  /** Takes note that a reply with this blob was cut. */
  note(digest: Digest, nowMs: number): void {
    this.#untilMs.delete(digest)
    this.#untilMs.set(digest, nowMs + CUT_MS)
    const [first] = this.#untilMs.keys()
    if (this.#untilMs.size > MAX_CUT_BLOBS && first !== undefined) this.#untilMs.delete(first)
  }

  /** Whether the rest of this blob is to be had elsewhere. */
  has(digest: Digest, nowMs: number): boolean {
    return nowMs < (this.#untilMs.get(digest) ?? nowMs)
  }
}
