import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { systemDisk } from '../src/disk.ts'
import { createFolder } from '../src/folders.ts'
import { isSystemError } from '../src/system-error.ts'

describe('createFolder', () => {
  let dir: TempDir
  beforeEach(async () => {
    dir = await createTempDir()
  })
  afterEach(() => dir[Symbol.asyncDispose]())

  it('creates what is missing on the way, for nobody else to see', async () => {
    const path = join(dir.path, 'a/b/c')
    await createFolder(systemDisk, path)
    assert.equal((await stat(path)).mode & 0o777, 0o700)
    await createFolder(systemDisk, path)
    await systemDisk.syncFolder(path)
  })

  it('creates the same folder from many places at once', async () => {
    const path = join(dir.path, 'a/b/c')
    await Promise.all(Array.from({ length: 8 }, () => createFolder(systemDisk, path)))
    assert.ok((await stat(path)).isDirectory())
  })

  it('rejects when a file has the name', async () => {
    const path = join(dir.path, 'file')
    await writeFile(path, '')
    await assert.rejects(createFolder(systemDisk, path), (error) => isSystemError(error, 'EEXIST'))
    await assert.rejects(createFolder(systemDisk, join(path, 'below')), (error) =>
      isSystemError(error, 'ENOTDIR'),
    )
  })
})
