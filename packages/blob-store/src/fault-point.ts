/** The steps of a fill and of its commit, each named after what has just been done. A crash between two of them must do no harm. */
export type FaultPoint =
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

/** Called at each {@link FaultPoint}; crash tests end the process there. */
export type FaultHook = (point: FaultPoint) => Promise<void> | void
