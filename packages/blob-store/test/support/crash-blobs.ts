import { seededBytes } from '@layermesh/testkit'

/** Committed before the crash. */
export const FINISHED_BLOB = seededBytes('finished', 100_000)

/** Being filled or committed when the process is killed; three pieces. */
export const UNFINISHED_BLOB = seededBytes('unfinished', 2_500_000)
