import { execFile } from 'node:child_process'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createTempDir } from '@layermesh/testkit'
import { isSystemError } from '../../src/system-error.ts'

const run = promisify(execFile)

const MiB = 1024 * 1024
const PAGE_BYTES = 4096

/** A file system of its own, in memory; unmounted when it is disposed of. */
export interface Tmpfs extends AsyncDisposable {
  readonly path: string
  /** Makes it read-only or writable; the former only while no file of it is open for writing. */
  remount(mode: 'ro' | 'rw'): Promise<void>
  /** Does what somebody else may do: takes `bytes` of what is free, or all there is. */
  occupy(bytes?: number): Promise<void>
  /** Gives back what was occupied. */
  vacate(): Promise<void>
}

/** Mounts a file system of `sizeMiB` on a folder of its own, or on `path`, which has to exist. */
export async function mountTmpfs(sizeMiB: number, path?: string): Promise<Tmpfs> {
  await using stack = new AsyncDisposableStack()
  const folder = path ?? stack.use(await createTempDir()).path
  await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', folder])
  // Lazily: a test that has failed may have left files open.
  stack.defer(async () => {
    await run('umount', ['-l', folder])
  })
  const mounted = stack.move()
  const occupied = join(folder, 'of somebody else')
  return {
    path: folder,
    async remount(mode) {
      await run('mount', ['-o', `remount,${mode}`, folder])
    },
    occupy: (bytes = Infinity) => occupy(occupied, bytes),
    vacate: () => rm(occupied),
    [Symbol.asyncDispose]: () => mounted.disposeAsync(),
  }
}

/** For a `before` hook: skips the suite, and says why, where nobody lets us mount. */
export async function requireMount(this: Mocha.Context): Promise<void> {
  try {
    const tmpfs = await mountTmpfs(1)
    await tmpfs[Symbol.asyncDispose]()
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error)
    process.stdout.write(`    skipped, for no file system can be mounted: ${reason}\n`)
    this.skip()
  }
}

async function occupy(path: string, bytes: number): Promise<void> {
  await using file = await open(path, 'w')
  let left = bytes
  let pieceBytes = MiB
  while (left > 0 && pieceBytes >= PAGE_BYTES) {
    try {
      left -= (await file.write(Buffer.alloc(Math.min(pieceBytes, left), 1))).bytesWritten
    } catch (error) {
      if (!isSystemError(error, 'ENOSPC')) throw error
      pieceBytes /= 2
    }
  }
}
