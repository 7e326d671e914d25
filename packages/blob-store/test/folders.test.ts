import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { createFolder, syncFolder } from '../src/folders.ts'
import { isSystemError } from '../src/system-error.ts'

describe('createFolder', () => {
  let dir: TempDir
  beforeEach(async () => {
    dir = await createTempDir()
  })
  afterEach(() => dir[Symbol.asyncDispose]())

  it('creates what is missing on the way, for nobody else to see', async () => {
    const path = join(dir.path, 'a/b/c')
    await createFolder(path)
    assert.equal((await stat(path)).mode & 0o777, 0o700)
    await createFolder(path)
    await syncFolder(path)
  })

  it('creates the same folder from many places at once', async () => {
    const path = join(dir.path, 'a/b/c')
    await Promise.all(Array.from({ length: 8 }, () => createFolder(path)))
    assert.ok((await stat(path)).isDirectory())
  })

  it('rejects when a file has the name', async () => {
    const path = join(dir.path, 'file')
    await writeFile(path, '')
    await assert.rejects(createFolder(path), (error) => isSystemError(error, 'EEXIST'))
    await assert.rejects(createFolder(join(path, 'below')), (error) => isSystemError(error, 'ENOTDIR'))
  })
})
