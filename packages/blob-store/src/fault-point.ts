/** The steps of a fill and of its commit, each named after what has just been done. A crash between two of them must do no harm. */
export type FillPoint =
  | 'fill-created'
  | 'piece-written'
  | 'journal-created'
  | 'piece-journaled'
  | 'fill-paused'
  | 'fill-resumed'
  | 'blob-verified'
  | 'file-synced'
  | 'file-renamed'
  | 'folder-synced'
  | 'blob-indexed'
  | 'journal-removed'

/** The steps of a removal, likewise. */
export type RemovalPoint = 'blob-unlinked' | 'blob-quarantined' | 'blob-forgotten'

/** The steps of a migration of the index, likewise. */
export type MigrationPoint = 'migration-batch-written' | 'migration-step-written'

/** Everything after which a crash test may end the process. */
export type FaultPoint = FillPoint | RemovalPoint | MigrationPoint

/** Called at each {@link FaultPoint}; crash tests end the process there. */
export type FaultHook = (point: FaultPoint) => Promise<void> | void
