import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTempDir, seededRandom, type TempDir } from '@layermesh/testkit'
import type { Disk } from '../src/disk.ts'
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

describe('ForgetfulDisk with chance', () => {
  /** What is in `folder` after `work` and a power cut, for each of many seeds. */
  async function outcomesOf(work: (disk: Disk, folder: string) => Promise<void>): Promise<Set<string>> {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 30; seed++) {
      await using dir = await createTempDir()
      const folder = join(dir.path, 'folder')
      await mkdir(folder)
      const forgetful = new ForgetfulDisk(dir.path, seededRandom(seed))
      await work(forgetful.disk, folder)
      await forgetful.cutPower([])
      const names = await readdir(folder)
      const files = names
        .toSorted()
        .map(async (name) => `${name}=${await readFile(join(folder, name), 'utf8')}`)
      outcomes.add((await Promise.all(files)).join())
    }
    return outcomes
  }

  async function write(disk: Disk, path: string, text: string, isSynced: boolean): Promise<void> {
    await using file = await disk.open(path, 'wx+')
    await file.writeFile(text)
    if (isSynced) await file.datasync()
  }

  it('never loses bytes and names that were synced', async () => {
    const outcomes = await outcomesOf(async (disk, folder) => {
      await write(disk, join(folder, 'a'), 'text', true)
      await disk.rename(join(folder, 'a'), join(folder, 'b'))
      await disk.syncFolder(folder)
    })
    assert.deepEqual(outcomes, new Set(['b=text']))
  })

  it('may lose bytes that were not synced, or all but their number', async () => {
    const outcomes = await outcomesOf(async (disk, folder) => {
      await write(disk, join(folder, 'a'), 'text', false)
      await disk.syncFolder(folder)
    })
    assert.deepEqual(outcomes, new Set(['a=', 'a=text', 'a=\0\0\0\0']))
  })

  it('may lose a name, or have the old one still, or both, when their folder was not synced', async () => {
    const outcomes = await outcomesOf(async (disk, folder) => {
      await write(disk, join(folder, 'a'), 'text', true)
      await disk.syncFolder(folder)
      await disk.rename(join(folder, 'a'), join(folder, 'b'))
    })
    assert.ok(outcomes.has('a=text') && outcomes.has('b=text'), [...outcomes].join(' or '))
  })

  it('may have a file still that was removed, until its folder is synced', async () => {
    const remove = async (disk: Disk, folder: string) => {
      await write(disk, join(folder, 'a'), 'text', true)
      await disk.syncFolder(folder)
      await disk.remove(join(folder, 'a'))
    }
    assert.deepEqual(await outcomesOf(remove), new Set(['a=text', '']))
    const outcomes = await outcomesOf(async (disk, folder) => {
      await remove(disk, folder)
      await disk.syncFolder(folder)
    })
    assert.deepEqual(outcomes, new Set(['']))
  })
})
