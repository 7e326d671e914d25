/** The steps of a commit, each named after what has just been done. A crash between two of them must do no harm. */
export type CommitPoint = 'blob-verified' | 'file-synced' | 'file-renamed' | 'folder-synced' | 'blob-indexed'

/** The steps of a migration of the index, likewise. */
export type MigrationPoint = 'migration-batch-written' | 'migration-step-written'

/** Everything after which a crash test may end the process. */
export type FaultPoint = CommitPoint | MigrationPoint

/** Called at each {@link FaultPoint}; crash tests end the process there. */
export type FaultHook = (point: FaultPoint) => Promise<void> | void
