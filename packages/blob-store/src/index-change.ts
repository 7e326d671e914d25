import type { BatchOperation, Level } from 'level'

/** One change in the store's LevelDB. Those of one batch happen together, whatever sublevels they are in. */
export type IndexChange = BatchOperation<Level, string, string>
