import type { FileHandle } from 'node:fs/promises'

/** An open file with several owners; closed when the last one lets go. It begins with one. */
export class SharedFile {
  readonly handle: FileHandle
  #owners = 1
  #onClose: () => void = () => {}

  constructor(handle: FileHandle) {
    this.handle = handle
  }

  /** Has `callback` called when the last owner lets go; one callback at a time. */
  onClose(callback: () => void): void {
    this.#onClose = callback
  }

  /** Adds an owner; only for one who is an owner. */
  retain(): void {
    this.#owners++
  }

  /** Ends one ownership. Reads that are under way are let finish. */
  async release(): Promise<void> {
    this.#owners--
    if (this.#owners > 0) return
    this.#onClose()
    await this.handle.close()
  }
}
