import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DataDirError } from '@layermesh/interface'
import { identityPath } from '@layermesh/mesh'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { loadIdentity } from '../src/identity.ts'

describe('loadIdentity', () => {
  let folder: TempDir

  beforeEach(async () => (folder = await createTempDir()))
  afterEach(() => folder[Symbol.asyncDispose]())

  const write = async (bytes: Uint8Array, mode: number) => {
    const path = identityPath(folder.path)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, bytes)
    await chmod(path, mode)
  }

  const rejects = (dataDir: string, message: RegExp) =>
    assert.rejects(loadIdentity(dataDir), (error) => {
      assert.ok(error instanceof DataDirError)
      assert.match(error.message, message)
      return true
    })

  it('makes a key at first, for its owner alone, and loads the same one from then on', async () => {
    const made = await loadIdentity(folder.path)
    assert.equal((await stat(identityPath(folder.path))).mode & 0o777, 0o600)
    assert.ok((await loadIdentity(folder.path)).equals(made))
  })

  it('leaves nothing but the key', async () => {
    await loadIdentity(folder.path)
    assert.deepEqual(await readdir(dirname(identityPath(folder.path))), ['identity.key'])
  })

  it('makes one key when many start at once', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadIdentity(folder.path)))
    for (const key of keys) assert.ok(keys[0]?.equals(key))
  })

  it('rejects with ERR_DATA_DIR when others can read the key, and leaves it as it is', async () => {
    await loadIdentity(folder.path)
    const before = await readFile(identityPath(folder.path))
    await chmod(identityPath(folder.path), 0o640)
    await rejects(folder.path, /identity\.key can be read by others/)
    assert.deepEqual(await readFile(identityPath(folder.path)), before)
  })

  it('rejects with ERR_DATA_DIR when the file is empty, cut off or something else', async () => {
    const key = await loadIdentity(folder.path)
    const whole = await readFile(identityPath(folder.path))
    for (const bytes of [new Uint8Array(), whole.subarray(0, 20), Buffer.from('not a key')]) {
      await write(bytes, 0o600)
      await rejects(folder.path, /holds no key/)
    }
    await write(whole, 0o600)
    assert.ok((await loadIdentity(folder.path)).equals(key))
  })

  it('rejects with ERR_DATA_DIR when the folder cannot be made', async () => {
    const file = join(folder.path, 'a file')
    await writeFile(file, '')
    await rejects(file, /can't be read or created/)
  })
})
