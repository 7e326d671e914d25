/** What came of a pull. */
export interface PullOutcome {
  /** By the machine's clock, which all processes share. */
  readonly startedAtMs: number
  readonly durationMs: number
  /** Until the first byte of a blob; absent when none came. */
  readonly firstByteMs?: number
  /** Received, manifests included. */
  readonly bytes: number
  readonly verifiedDigests: number
  /** Why it failed. */
  readonly error?: string
}
