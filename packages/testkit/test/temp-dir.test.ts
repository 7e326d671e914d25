import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTempDir } from '@layermesh/testkit'

describe('createTempDir', () => {
  it('creates an empty folder of its own each time', async () => {
    await using first = await createTempDir()
    await using second = await createTempDir()
    assert.notEqual(first.path, second.path)
    assert.deepEqual([await readdir(first.path), await readdir(second.path)], [[], []])
  })

  it('removes the folder with all that is in it when it is disposed of', async () => {
    const dir = await createTempDir()
    await mkdir(join(dir.path, 'a', 'b'), { recursive: true })
    await writeFile(join(dir.path, 'a', 'b', 'file'), 'content')
    await dir[Symbol.asyncDispose]()
    assert.equal(existsSync(dir.path), false)
  })

  it('is content with a folder that is gone already', async () => {
    const dir = await createTempDir()
    await rm(dir.path, { recursive: true })
    await dir[Symbol.asyncDispose]()
  })
})
