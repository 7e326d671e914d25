/** What one process measured. */
export interface HoldingsRun {
  /** Of the heap and of buffers, for each pair of a digest and a holder, all else that belongs to it included. */
  readonly bytesPerPair: number
  /** Of what this node holds itself. */
  readonly bytesPerOwnBlob: number
  /** Processor time for the holders of a blob, from its digest as text. */
  readonly lookUpMicroseconds: number
  /** The same by the clock on the wall, on a machine that does other things too. */
  readonly lookUpWallMicroseconds: number
  /** Processor time for each pair that came in a delta. */
  readonly learnMicroseconds: number
  /** Processor time that a delta of 1,000 changes took: that of 99 of 100 at most, and of the longest, growth and garbage collection included. */
  readonly mostDeltasMs: number
  readonly longestDeltaMs: number
  /** Longest processor time that one step of the clean-up took after nodes had left. */
  readonly longestSweepMs: number
  /** What is left of the memory when all nodes have left, for each pair that there was. */
  readonly bytesPerPairLeft: number
}
