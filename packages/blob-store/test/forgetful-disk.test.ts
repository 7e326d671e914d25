import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { ForgetfulDisk } from './support/forgetful-disk.ts'

/** What chance decides: that nothing which wasn't synced survives, or that all does. */
const FORGETS = () => 0.99
const FORGETS_BYTES = () => 0.5 - Number.EPSILON

describe('ForgetfulDisk', () => {
  let dir: TempDir
  const path = (...names: string[]) => join(dir.path, ...names)

  beforeEach(async () => {
    dir = await createTempDir()
  })
  afterEach(() => dir[Symbol.asyncDispose]())

  async function write(disk: ForgetfulDisk, name: string, text: string, sync: boolean): Promise<void> {
    await using file = await disk.disk.open(path(name), 'w')
    await file.write(Buffer.from(text), 0)
    if (sync) await file.datasync()
  }

  it('forgets a file whose folder was not synced, and keeps one whose was', async () => {
    const forgetful = new ForgetfulDisk(dir.path, FORGETS)
    await write(forgetful, 'kept', 'kept', true)
    await forgetful.disk.syncFolder(dir.path)
    await write(forgetful, 'lost', 'lost', true)
    await forgetful.cutPower([])
    assert.deepEqual(await readdir(dir.path), ['kept'])
    assert.equal(await readFile(path('kept'), 'utf8'), 'kept')
  })

  it('forgets bytes that were not synced, but not always their length', async () => {
    const forgetful = new ForgetfulDisk(dir.path, FORGETS)
    await write(forgetful, 'file', 'lost', false)
    await forgetful.disk.syncFolder(dir.path)
    await forgetful.cutPower([])
    assert.deepEqual(await readFile(path('file')), Buffer.alloc(4))
  })

  it('may let what was not synced survive', async () => {
    const forgetful = new ForgetfulDisk(dir.path, FORGETS_BYTES)
    await write(forgetful, 'file', 'here', false)
    await forgetful.cutPower([])
    assert.equal(await readFile(path('file'), 'utf8'), 'here')
  })

  it('brings back a file that was removed or renamed, also one that was there before', async () => {
    await mkdir(path('below'))
    for (const name of ['removed', 'renamed', 'overwritten']) await writeFile(path(name), name)
    const forgetful = new ForgetfulDisk(dir.path, FORGETS)
    await forgetful.disk.remove(path('removed'))
    await forgetful.disk.rename(path('renamed'), path('overwritten'))
    await forgetful.cutPower([])
    assert.deepEqual((await readdir(dir.path)).toSorted(), ['below', 'overwritten', 'removed', 'renamed'])
    assert.equal(await readFile(path('overwritten'), 'utf8'), 'overwritten')
    assert.equal(await readFile(path('renamed'), 'utf8'), 'renamed')
  })

  it('forgets a folder with all that is in it, unless the one above was synced', async () => {
    const forgetful = new ForgetfulDisk(dir.path, FORGETS)
    for (const folder of ['lost', 'kept']) {
      await forgetful.disk.mkdir(path(folder), 0o700)
      if (folder === 'kept') continue
      await write(forgetful, 'lost/file', 'lost', true)
      await forgetful.disk.syncFolder(path('lost'))
    }
    await forgetful.cutPower([])
    assert.deepEqual(await readdir(dir.path), [])
  })

  it('leaves what is spared as it is', async () => {
    const forgetful = new ForgetfulDisk(dir.path, FORGETS)
    await forgetful.disk.mkdir(path('spared'), 0o700)
    await forgetful.disk.syncFolder(dir.path)
    await write(forgetful, 'spared/file', 'spared', false)
    await writeFile(path('spared', 'other'), 'not written by it')
    await forgetful.cutPower(['spared'])
    assert.equal(await readFile(path('spared', 'file'), 'utf8'), 'spared')
    assert.equal((await readdir(path('spared'))).length, 2)
  })

  it('refuses everything once it has no power', async () => {
    const forgetful = new ForgetfulDisk(dir.path, FORGETS)
    await using file = await forgetful.disk.open(path('file'), 'w+')
    forgetful.stop()
    const refused = { code: 'EIO' }
    await assert.rejects(forgetful.disk.open(path('file'), 'r'), refused)
    await assert.rejects(forgetful.disk.stat(path('file')), refused)
    await assert.rejects(forgetful.disk.remove(path('file')), refused)
    await assert.rejects(file.write(Buffer.from('x'), 0), refused)
    await assert.rejects(file.datasync(), refused)
  })
})
