import type { FingerprintBits } from './fingerprint.ts'

/** A moment in what an author says. */
export interface HoldingsPosition {
  readonly epoch: number
  /** Number of the last delta that is part of it. */
  readonly sequence: number
}

/** An account as a whole, as its author has it after a delta. */
export interface AccountState extends HoldingsPosition {
  readonly count: number
  readonly fingerprint: FingerprintBits
}
