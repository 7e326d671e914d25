import type { BlobStat } from '@layermesh/interface'
import type { CheckedPieces } from './checked-pieces.ts'
import type { Usage } from './usage.ts'

/** What is known of a finished blob. There is one object for as long as the blob is held; another when it comes again. */
export interface BlobEntry {
  readonly stat: BlobStat
  usage: Usage
  /** Store time in milliseconds at which all bytes of the file were last found right. */
  verifiedAtMs: number
  /** Handles that are open; a blob that is being read isn't evicted. */
  readers: number
  /** What has been found right since the daemon started; undefined before the file was first opened. */
  checked: CheckedPieces | undefined
}
