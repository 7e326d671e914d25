import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pin } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { systemDisk, type Disk } from '../src/disk.ts'
import { FilePinStore, MAX_PINS } from '../src/file-pin-store.ts'
import { createRecordingLog, type RecordingLog } from './support/recording-log.ts'

const digest = digestOf(Buffer.from('manifest'))
const nginx = { upstream: 'docker.io', repository: 'library/nginx' }
const byTag: Pin = { ...nginx, tag: 'latest', pinnedAtMs: 1 }
const byDigest: Pin = { ...nginx, digest, pinnedAtMs: 2 }

describe('FilePinStore', () => {
  let dir: TempDir
  let path: string
  let log: RecordingLog

  beforeEach(async () => {
    dir = await createTempDir()
    path = join(dir.path, 'pins.json')
    log = createRecordingLog()
  })
  afterEach(() => dir[Symbol.asyncDispose]())

  const load = (disk: Disk = systemDisk) => FilePinStore.load({ log, disk }, path)

  it('has no pins at first, and writes nothing', async () => {
    assert.deepEqual((await load()).list(), [])
    assert.deepEqual(await readdir(dir.path), [])
  })

  it('keeps pins by tag and by digest across a restart, in order', async () => {
    const pins = await load()
    const others: Pin[] = [
      { upstream: 'docker.io', repository: 'library/nginx-x', tag: '1', pinnedAtMs: 4 },
      { upstream: 'ghcr.io', repository: 'a', tag: '1', pinnedAtMs: 3 },
    ]
    for (const pin of [...others, byDigest, byTag]) await pins.put(pin)
    assert.deepEqual(pins.list(), [byTag, byDigest, ...others])
    assert.deepEqual((await load()).list(), [byTag, byDigest, ...others])
    assert.deepEqual(await readdir(dir.path), ['pins.json'])
    assert.equal((await stat(path)).mode & 0o777, 0o600)
  })

  it('leaves a pin as it is that is put again', async () => {
    const pins = await load()
    await pins.put(byTag)
    await pins.put({ ...byTag, pinnedAtMs: 9 })
    assert.deepEqual(pins.list(), [byTag])
  })

  it('removes a pin, and says whether there was one', async () => {
    const pins = await load()
    await pins.put(byTag)
    await pins.put(byDigest)
    assert.equal(await pins.remove({ ...nginx, tag: 'latest' }), true)
    assert.equal(await pins.remove({ ...nginx, tag: 'latest' }), false)
    assert.equal(await pins.remove({ upstream: 'ghcr.io', repository: 'library/nginx', digest }), false)
    assert.deepEqual((await load()).list(), [byDigest])
  })

  it('loses none of the pins that are put at once', async () => {
    const pins = await load()
    const many = Array.from({ length: 20 }, (_, tag): Pin => ({ ...byTag, tag: `t${10 + tag}` }))
    await Promise.all(many.map((pin) => pins.put(pin)))
    assert.deepEqual((await load()).list(), many)
  })

  it(`rejects with a RangeError when there are ${MAX_PINS}, until one is removed`, async () => {
    const many = Array.from({ length: MAX_PINS }, (_, tag) => ({ ...byTag, tag: `t${tag}` }))
    await writeFile(path, JSON.stringify({ pins: many }))
    const pins = await load()
    await assert.rejects(pins.put(byTag), RangeError)
    await pins.put({ ...byTag, tag: 't0' })
    await pins.remove({ ...nginx, tag: 't0' })
    await pins.put(byTag)
    assert.equal(pins.list().length, MAX_PINS)
  })

  it('is as before when a change can not be written', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    let isFull = false
    const disk: Disk = {
      ...systemDisk,
      open: (file, flags, mode) =>
        isFull && flags === 'w' ? Promise.reject(full) : systemDisk.open(file, flags, mode),
    }
    const pins = await load(disk)
    await pins.put(byTag)
    isFull = true
    await assert.rejects(pins.put(byDigest), full)
    await assert.rejects(pins.remove(byTag), full)
    assert.deepEqual(pins.list(), [byTag])
    isFull = false
    await pins.put(byDigest)
    assert.deepEqual((await load()).list(), [byTag, byDigest])
  })

  it('rejects when the file is there and can not be read', async () => {
    const failing = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
    await assert.rejects(load({ ...systemDisk, open: () => Promise.reject(failing) }), failing)
  })

  it('ignores what an interrupted change has left', async () => {
    await (await load()).put(byTag)
    await writeFile(`${path}.new`, '{"pins":[')
    const pins = await load()
    assert.deepEqual(pins.list(), [byTag])
    await pins.put(byDigest)
    assert.deepEqual(await readdir(dir.path), ['pins.json'])
  })

  for (const text of ['', '{', 'null', '[]', '{"pins":{}}']) {
    it(`begins without pins and keeps a copy when the file is ${JSON.stringify(text)}`, async () => {
      await writeFile(path, text)
      const pins = await load()
      assert.deepEqual(pins.list(), [])
      assert.deepEqual(log.lines, ['error pins unreadable'])
      await pins.put(byTag)
      assert.equal(await readFile(`${path}.broken`, 'utf8'), text)
      assert.deepEqual((await load()).list(), [byTag])
      assert.equal(log.lines.length, 1)
    })
  }

  it('leaves out pins that make no sense, keeps a copy, and ignores fields that it does not know', async () => {
    const stored = [
      null,
      { ...byTag, repository: 1 },
      { ...nginx, pinnedAtMs: 1 },
      { ...byDigest, digest: 'sha256:short' },
      { ...byTag, pinnedAtMs: 'now' },
      { ...byTag, later: 1 },
    ]
    const text = JSON.stringify({ pins: stored, later: 1 })
    await writeFile(path, text)
    assert.deepEqual((await load()).list(), [byTag])
    assert.deepEqual(log.lines, ['error pins unreadable'])
    assert.equal(await readFile(`${path}.broken`, 'utf8'), text)
  })
})
