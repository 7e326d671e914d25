import type { Digest, Log } from '@layermesh/interface'
import type { BlobFiles } from './blob-files.ts'
import type { FaultHook } from './fault-point.ts'
import type { Quarantine } from './quarantine.ts'
import { isSystemError } from './system-error.ts'

/** Collaborators of {@link WrongFiles}. */
export interface WrongFilesDeps {
  readonly files: BlobFiles
  readonly quarantine: Quarantine
  readonly log: Log
  readonly faultHook: FaultHook
}

interface StuckFile {
  readonly sizeBytes: number
  /** When it was last changed. */
  readonly mtimeMs: number
}

/** Gets files that aren't right out of the way, and remembers those that the disk doesn't let us move: not to be hashed again and again. */
export class WrongFiles {
  readonly #deps: WrongFilesDeps
  readonly #stuck = new Map<Digest, StuckFile>()

  constructor(deps: WrongFilesDeps) {
    this.#deps = deps
  }

  /** Bytes of those that could not be moved. */
  get stuckBytes(): number {
    return this.#stuck.values().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  /** Whether a file is known to be wrong, unless it has been changed since. */
  has(digest: Digest, mtimeMs: number): boolean {
    return this.#stuck.get(digest)?.mtimeMs === mtimeMs
  }

  /** Notes that a right file has taken the place of a wrong one, or that there is none. */
  forget(digest: Digest): void {
    this.#stuck.delete(digest)
  }

  /** Moves the file of a blob into quarantine; where the disk refuses, it is remembered as wrong. */
  async take(digest: Digest, sizeBytes: number, reason: string): Promise<void> {
    const { files, faultHook, log, quarantine } = this.#deps
    log.warn({ digest, reason }, 'damaged blob quarantined')
    try {
      await quarantine.take(files.pathOf(digest), sizeBytes)
      this.#stuck.delete(digest)
    } catch (err) {
      const file = isSystemError(err, 'ENOENT') ? undefined : await files.stat(digest)
      if (file === undefined) return
      log.error({ digest, err }, 'damaged blob not moved')
      this.#stuck.set(digest, { sizeBytes: file.size, mtimeMs: file.mtimeMs })
    }
    await faultHook('blob-quarantined')
  }
}
