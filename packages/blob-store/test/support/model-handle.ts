import type { BlobHandle, Fill } from '@layermesh/interface'

/** A fill that is under way, and what was written to it. */
export interface ModelFill {
  readonly fill: Fill
  readonly bytes: Uint8Array
  /** Up to where each piece is written. */
  readonly writtenEnds: number[]
}

/** A handle that is open, and what may be expected of it. */
export interface ModelHandle {
  readonly handle: BlobHandle
  readonly bytes: Uint8Array
  /** The fill that it follows. */
  readonly fill: ModelFill | undefined
  /** Whether the file had been changed when it was opened. */
  readonly isDamaged: boolean
  /** Whether its blob was removed since, and with it what protects it from eviction if it comes again. */
  isDetached: boolean
}
