import { MAX_FINGERPRINT_BYTES, type Log } from '@layermesh/interface'
import type { Beat } from './membership-view.ts'

/** Collaborators and tunables of {@link OwnBeat}. */
export interface OwnBeatDeps {
  readonly log: Log
  /** A number that differs from that of any earlier start of this node. */
  readonly epoch: number
  /** Share of the time since it was asked for last in which this process was busy, 0 to 1. */
  readonly readLoad: () => number
}

/** What this node says of itself in its heartbeats; each look is one heartbeat, and may go to all members. */
export class OwnBeat {
  readonly #deps: OwnBeatDeps
  readonly #capabilities = new Set<string>()
  #readFingerprint: (() => Uint8Array) | undefined
  #sequence = 0

  constructor(deps: OwnBeatDeps) {
    this.#deps = deps
  }

  /** This node serves another protocol. */
  addCapability(protocol: string): void {
    this.#capabilities.add(protocol)
  }

  setFingerprint(read: () => Uint8Array): void {
    this.#readFingerprint = read
  }

  next(): Beat {
    const { epoch, readLoad } = this.#deps
    this.#sequence += 1
    return {
      epoch,
      sequence: this.#sequence,
      vitals: { load: readLoad(), capabilities: [...this.#capabilities] },
      fingerprint: this.#fingerprint(),
    }
  }

  #fingerprint(): Uint8Array | undefined {
    try {
      const fingerprint = this.#readFingerprint?.()
      if (fingerprint === undefined || fingerprint.length <= MAX_FINGERPRINT_BYTES) return fingerprint
      throw new RangeError(
        `a fingerprint of ${fingerprint.length} bytes is longer than ${MAX_FINGERPRINT_BYTES}`,
      )
    } catch (error) {
      this.#deps.log.error({ err: error }, 'fingerprint not sent')
      return undefined
    }
  }
}
