import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@layermesh/oci'
import type { Digest } from '@layermesh/interface'
import { BufferPool } from '../../src/buffer-pool.ts'
import { systemDisk, type Disk } from '../../src/disk.ts'
import { DiskFill, type UnfinishedFill, type VerifiedFile } from '../../src/disk-fill.ts'
import { fillFilesOf, removeFillFiles, type FillFiles } from '../../src/fill-files.ts'
import { FillJournal } from '../../src/fill-journal.ts'
import { resumeFill } from '../../src/resume-fill.ts'
import { SharedFile } from '../../src/shared-file.ts'
import { isSystemError } from '../../src/system-error.ts'
import { createRecordingLog, type RecordingLog } from './recording-log.ts'

/** A fill with small pieces, and what has been published of it. */
export interface FillOnDisk {
  readonly fill: DiskFill
  readonly files: FillFiles
  readonly log: RecordingLog
  readonly published: readonly VerifiedFile[]
  /** What has been paused. */
  readonly kept: readonly UnfinishedFill[]
}

export interface FillOnDiskOptions {
  readonly pieceBytes: number
  /** @default the digest of the bytes */
  readonly digest?: Digest
  readonly publish?: () => Promise<void>
  /** Puts something between the fill and its file. */
  readonly wrapFile?: (handle: FileHandle) => FileHandle
  /** File system of the journal. @default the machine's own */
  readonly disk?: Disk
  /** @default a new one */
  readonly pool?: BufferPool
}

/** Begins a fill of `bytes` in a folder, without a store around it; goes on from the fill that was there before. */
export async function startFillOnDisk(
  folder: string,
  bytes: Uint8Array,
  options: FillOnDiskOptions,
): Promise<FillOnDisk> {
  const { pieceBytes, digest = digestOf(bytes), publish, wrapFile = (handle: FileHandle) => handle } = options
  const { disk = systemDisk, pool = new BufferPool() } = options
  const blob = { digest, sizeBytes: bytes.length, pieceBytes }
  const files = fillFilesOf(join(folder, `fill-${digest.slice(-8)}`))
  const log = createRecordingLog()
  const published: VerifiedFile[] = []
  const kept: UnfinishedFill[] = []
  const resumed = await resumeFill(disk, pool, { blob, files }).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return undefined
    throw error
  })
  if (resumed === undefined) await removeFillFiles(systemDisk, files)
  const file = new SharedFile(wrapFile(resumed?.handle ?? (await open(files.part, 'w+'))))
  const journal = new FillJournal({ log, disk, faultHook() {} }, files.journal, blob, resumed?.journal)
  const fill = new DiskFill(
    {
      log,
      disk,
      pool,
      onWritten() {},
      relieve: () => Promise.resolve(false),
      onEnd() {},
      publish: async (verified) => {
        await publish?.()
        published.push(verified)
      },
      keep: (unfinished) => Promise.resolve(void kept.push(unfinished)),
    },
    { ...blob, files, file, journal, verified: resumed?.verified },
  )
  return { fill, files, log, published, kept }
}

/** A file whose writes the disk refuses, as a full disk does, after `allowedWrites` of them. */
export function refusingWrites(allowedWrites: number): (handle: FileHandle) => FileHandle {
  let left = allowedWrites
  return (handle) =>
    new Proxy(handle, {
      get(target, property) {
        if (property === 'write' && left-- <= 0) {
          return () =>
            Promise.reject(
              Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }),
            )
        }
        const value: unknown = Reflect.get(target, property, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
}

/** A file whose writes wait until they are let through. */
export function holdingWrites() {
  let gate = Promise.withResolvers<undefined>()
  const wrapFile = (handle: FileHandle): FileHandle =>
    new Proxy(handle, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function') return value
        if (property !== 'write') return value.bind(target) as unknown
        return async (...args: unknown[]) => {
          await gate.promise
          return Reflect.apply(value, target, args) as unknown
        }
      },
    })
  return {
    wrapFile,
    release: () => gate.resolve(undefined),
    hold: () => {
      gate = Promise.withResolvers<undefined>()
    },
  }
}
