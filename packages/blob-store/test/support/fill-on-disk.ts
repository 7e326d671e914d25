import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@layermesh/oci'
import type { Digest } from '@layermesh/interface'
import { BufferPool } from '../../src/buffer-pool.ts'
import { systemDisk } from '../../src/disk.ts'
import { DiskFill, type VerifiedFile } from '../../src/disk-fill.ts'
import { SharedFile } from '../../src/shared-file.ts'
import { createRecordingLog, type RecordingLog } from './recording-log.ts'

/** A fill with small pieces, and what has been published of it. */
export interface FillOnDisk {
  readonly fill: DiskFill
  readonly path: string
  readonly log: RecordingLog
  readonly published: readonly VerifiedFile[]
}

export interface FillOnDiskOptions {
  readonly pieceBytes: number
  /** @default the digest of the bytes */
  readonly digest?: Digest
  readonly publish?: () => Promise<void>
  /** Puts something between the fill and its file. */
  readonly wrapFile?: (handle: FileHandle) => FileHandle
}

/** Begins a fill of `bytes` in a folder, without a store around it. */
export async function startFillOnDisk(
  folder: string,
  bytes: Uint8Array,
  options: FillOnDiskOptions,
): Promise<FillOnDisk> {
  const { pieceBytes, digest = digestOf(bytes), publish, wrapFile = (handle: FileHandle) => handle } = options
  const path = join(folder, `fill-${digest.slice(-8)}`)
  const log = createRecordingLog()
  const published: VerifiedFile[] = []
  const file = new SharedFile(wrapFile(await open(path, 'wx+')))
  const fill = new DiskFill(
    {
      log,
      disk: systemDisk,
      pool: new BufferPool(),
      publish: async (verified) => {
        await publish?.()
        published.push(verified)
      },
    },
    { digest, sizeBytes: bytes.length, pieceBytes, path, file },
  )
  return { fill, path, log, published }
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
