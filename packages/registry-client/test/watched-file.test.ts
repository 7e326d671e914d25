import assert from 'node:assert/strict'
import { rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UpstreamCredentialsError } from '@layermesh/interface'
import { createTempDir, ManualClock, type TempDir } from '@layermesh/testkit'
import { CHECK_EVERY_MS, WatchedFile } from '../src/watched-file.ts'

describe('WatchedFile', () => {
  let folder: TempDir
  let clock: ManualClock
  let path: string
  let parsed: string[]
  let file: WatchedFile<string>

  beforeEach(async () => {
    folder = await createTempDir()
    clock = new ManualClock()
    path = join(folder.path, 'secret')
    parsed = []
    file = new WatchedFile(clock, path, (text) => {
      parsed.push(text)
      if (text.startsWith('bad')) throw new UpstreamCredentialsError('is bad')
      return text
    })
  })

  afterEach(() => folder[Symbol.asyncDispose]())

  it('reads a file once while it stays the same', async () => {
    await writeFile(path, 'one')
    for (let round = 0; round < 3; round += 1) {
      assert.equal(await file.read(), 'one')
      clock.advance(CHECK_EVERY_MS)
    }
    assert.deepEqual(parsed, ['one'])
  })

  it('reads it again when it has changed, but does not look each time', async () => {
    await writeFile(path, 'one')
    await file.read()
    await writeFile(path, 'three')
    clock.advance(CHECK_EVERY_MS - 1)
    assert.equal(await file.read(), 'one')
    clock.advance(1)
    assert.equal(await file.read(), 'three')
  })

  it('notices another file in its place, of the same size and through a link', async () => {
    const [first, second] = [join(folder.path, '1'), join(folder.path, '2')]
    await writeFile(first, 'one')
    await writeFile(second, 'two')
    await symlink(first, path)
    assert.equal(await file.read(), 'one')
    await symlink(second, `${path}.new`)
    await rename(`${path}.new`, path)
    clock.advance(CHECK_EVERY_MS)
    assert.equal(await file.read(), 'two')
  })

  it('shares one look between those who ask at the same time', async () => {
    await writeFile(path, 'one')
    await Promise.all(Array.from({ length: 10 }, () => file.read()))
    assert.deepEqual(parsed, ['one'])
  })

  it('rejects with ERR_UPSTREAM_CREDENTIALS while it is missing, bad or too large, and names it', async () => {
    const read = async () => {
      clock.advance(CHECK_EVERY_MS)
      return file.read()
    }
    await assert.rejects(read(), { message: `${path}: can not be read (ENOENT)` })
    await writeFile(path, 'bad')
    await assert.rejects(read(), { message: `${path}: is bad` })
    await assert.rejects(read(), { message: `${path}: is bad` })
    await writeFile(path, Buffer.alloc(1024 * 1024 + 1))
    await assert.rejects(read(), /has more than 1048576 bytes$/)
    await writeFile(path, 'good')
    assert.equal(await read(), 'good')
    await rm(path)
    await assert.rejects(read(), UpstreamCredentialsError)
  })
})
