import { createHash } from 'node:crypto'
import type { PieceTable } from '@layermesh/interface'
import type { BufferPool } from './buffer-pool.ts'
import type { PieceGrid } from './piece-grid.ts'
import { readReadable } from './range-reader.ts'
import type { SharedFile } from './shared-file.ts'

/** For files all of whose pieces are right: there are many, and nothing has to be noted for them. */
const NO_PIECES = new Uint8Array(0)

/**
 * Which pieces of a file have been found right since it was last changed. Disks forget and people edit: so the first
 * reader of each piece after a start has it hashed, and those who follow don't.
 */
export class CheckedPieces {
  /** When the file was last changed, as of the checks; a file with another time has to be checked anew. */
  readonly mtimeMs: number
  readonly #grid: PieceGrid
  readonly #isRight: Uint8Array
  /** Made with the first check. */
  #checking: Map<number, Promise<boolean>> | undefined
  #unchecked: number

  constructor(grid: PieceGrid, mtimeMs: number, isAllRight: boolean) {
    this.mtimeMs = mtimeMs
    this.#grid = grid
    this.#isRight = isAllRight ? NO_PIECES : new Uint8Array(grid.count)
    this.#unchecked = isAllRight ? 0 : grid.count
  }

  /** Whether every piece has been found right. */
  get isComplete(): boolean {
    return this.#unchecked === 0
  }

  /**
   * Hashes the piece that the byte at `offset` lies in, unless that has been done. Resolves to whether it is what
   * `table` says, which what the disk can't read isn't; several callers at once have it hashed once.
   */
  check(file: SharedFile, table: PieceTable, offset: number, pool: BufferPool): Promise<boolean> {
    const index = this.#grid.indexOf(offset)
    if (this.isComplete || this.#isRight[index] === 1) return Promise.resolve(true)
    const checking = (this.#checking ??= new Map<number, Promise<boolean>>())
    const running = checking.get(index)
    if (running !== undefined) return running
    const check = this.#check(file, table, index, pool).finally(() => checking.delete(index))
    checking.set(index, check)
    return check
  }

  async #check(file: SharedFile, table: PieceTable, index: number, pool: BufferPool): Promise<boolean> {
    const expected = table.hashes[index]
    const hash = createHash('sha256')
    const buffer = pool.acquire()
    const end = this.#grid.endOf(index)
    // Others may wait for this when the one who has opened the file has gone.
    file.retain()
    try {
      for (let offset = this.#grid.startOf(index); offset < end;) {
        const chunk = buffer.subarray(0, Math.min(buffer.length, end - offset))
        if ((await readReadable(file.handle, chunk, offset)) < chunk.length) return false
        hash.update(chunk)
        offset += chunk.length
      }
    } finally {
      pool.release(buffer)
      await file.release()
    }
    if (expected === undefined || !hash.digest().equals(expected)) return false
    this.#isRight[index] = 1
    this.#unchecked--
    return true
  }
}
