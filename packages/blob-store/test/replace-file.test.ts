import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTempDir } from '@layermesh/testkit'
import { systemDisk, type Disk } from '../src/disk.ts'
import { replaceFile } from '../src/replace-file.ts'

describe('replaceFile', () => {
  /** The machine's disk, with what was done to it. */
  function watchedDisk(done: string[]): Disk {
    return {
      ...systemDisk,
      async open(path, flags, mode) {
        const handle = await systemDisk.open(path, flags, mode)
        for (const method of ['writeFile', 'sync'] as const) {
          const original = handle[method].bind(handle) as (...args: unknown[]) => Promise<void>
          Object.assign(handle, {
            [method]: async (...args: unknown[]) => {
              await original(...args)
              done.push(method)
            },
          })
        }
        return handle
      },
      async rename(from, to) {
        await systemDisk.rename(from, to)
        done.push('rename')
      },
      async syncFolder(path) {
        await systemDisk.syncFolder(path)
        done.push('syncFolder')
      },
    }
  }

  it('makes new content durable before it takes the place of the old, and then the place', async () => {
    await using dir = await createTempDir()
    const path = join(dir.path, 'file')
    await writeFile(path, 'a longer old content')
    const done: string[] = []
    await replaceFile(watchedDisk(done), path, 'new')
    assert.deepEqual(done, ['writeFile', 'sync', 'rename', 'syncFolder'])
    assert.equal(await readFile(path, 'utf8'), 'new')
  })
})
