import type { BlobHandle } from '@layermesh/interface'
import {
  createTempDir,
  expectNoLeaks,
  takeResourceSnapshot,
  type ResourceSnapshot,
  type TempDir,
} from '@layermesh/testkit'
import { startFillOnDisk, type FillOnDisk, type FillOnDiskOptions } from './fill-on-disk.ts'

/** A fill of a test, with shorthands for what is done to it most. */
export interface StartedFill extends FillOnDisk {
  /** Opens a handle that is disposed of after the test. */
  readonly open: () => BlobHandle
  /** Writes these bytes of the blob. */
  readonly write: (from: number, to: number) => Promise<void>
}

/** What {@link useFills} gives to a suite. */
export interface Fills {
  /** Starts a fill, of the suite's bytes unless it is given others. */
  readonly start: (options?: Partial<FillOnDiskOptions>, content?: Buffer) => Promise<StartedFill>
  /** The folder that the fills' files are in. */
  readonly folder: () => string
}

/** Gives each test of the suite a folder for fills, and checks after it that nothing was left open. */
export function useFills(bytes: Buffer, pieceBytes: number): Fills {
  let dir: TempDir
  let before: ResourceSnapshot
  let handles: BlobHandle[]

  beforeEach(async () => {
    before = await takeResourceSnapshot()
    dir = await createTempDir()
    handles = []
  })
  afterEach(async () => {
    for (const handle of handles) await handle[Symbol.asyncDispose]()
    await expectNoLeaks(before)
    await dir[Symbol.asyncDispose]()
  })

  return {
    async start(options = {}, content = bytes) {
      const started = await startFillOnDisk(dir.path, content, { pieceBytes, ...options })
      const open = () => {
        const handle = started.fill.open()
        handles.push(handle)
        return handle
      }
      const write = (from: number, to: number) => started.fill.write(from, content.subarray(from, to))
      return { ...started, open, write }
    },
    folder: () => dir.path,
  }
}
