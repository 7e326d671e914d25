/** The steps of a commit, each named after what has just been done. A crash between two of them must do no harm. */
export type FaultPoint = 'blob-verified' | 'file-synced' | 'file-renamed' | 'folder-synced' | 'blob-indexed'

/** Called at each {@link FaultPoint}; crash tests end the process there. */
export type FaultHook = (point: FaultPoint) => Promise<void> | void
