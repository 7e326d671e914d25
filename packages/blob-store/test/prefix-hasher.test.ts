import assert from 'node:assert/strict'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@layermesh/oci'
import { createTempDir, seededBytes, type TempDir } from '@layermesh/testkit'
import { BufferPool, CHUNK_BYTES } from '../src/buffer-pool.ts'
import { PrefixHasher } from '../src/prefix-hasher.ts'

/** What a fill does with bytes that it writes: when they are in the file, all before `prefixEnd` are. */
function add(hasher: PrefixHasher, offset: number, bytes: Uint8Array, prefixEnd: number): void {
  hasher.update(offset, bytes)
  hasher.extend(prefixEnd)
}

describe('PrefixHasher', () => {
  const bytes = seededBytes('prefix', 3 * CHUNK_BYTES + 5)
  let dir: TempDir
  let file: FileHandle

  beforeEach(async () => {
    dir = await createTempDir()
    file = await open(join(dir.path, 'fill'), 'wx+')
  })
  afterEach(async () => {
    await file.close()
    await dir[Symbol.asyncDispose]()
  })

  it('hashes bytes that come in order from memory, without the file', async () => {
    const hasher = new PrefixHasher('sha256', file, new BufferPool())
    add(hasher, 0, bytes.subarray(0, 7), 7)
    add(hasher, 7, bytes.subarray(7, 20), 20)
    assert.equal(await hasher.digest(), digestOf(bytes.subarray(0, 20)))
  })

  it('reads back what was written ahead of the prefix', async () => {
    const hasher = new PrefixHasher('sha512', file, new BufferPool())
    await file.write(bytes)
    add(hasher, 10, bytes.subarray(10), 0)
    add(hasher, 0, bytes.subarray(0, 10), bytes.length)
    assert.equal(await hasher.digest(), digestOf(bytes, 'sha512'))
  })

  it('goes on with what is added while it reads back', async () => {
    const hasher = new PrefixHasher('sha256', file, new BufferPool())
    await file.write(bytes)
    add(hasher, 10, bytes.subarray(10, 20), 0)
    add(hasher, 0, bytes.subarray(0, 10), 20)
    add(hasher, 20, bytes.subarray(20), bytes.length)
    assert.equal(await hasher.digest(), digestOf(bytes))
  })

  it('takes bytes from memory again after it has read back', async () => {
    const pool = new BufferPool()
    const buffer = pool.acquire()
    const isIdle = Promise.withResolvers<undefined>()
    const hasher = new PrefixHasher(
      'sha256',
      file,
      Object.assign(pool, { acquire: () => buffer, release: () => isIdle.resolve(undefined) }),
    )
    await file.write(bytes.subarray(0, 20))
    add(hasher, 10, bytes.subarray(10, 20), 0)
    add(hasher, 0, bytes.subarray(0, 10), 20)
    await isIdle.promise
    add(hasher, 20, bytes.subarray(20), bytes.length)
    assert.equal(await hasher.digest(), digestOf(bytes))
  })

  it('rejects when the file lacks what was written', async () => {
    const hasher = new PrefixHasher('sha256', file, new BufferPool())
    await file.write(bytes.subarray(0, 15))
    add(hasher, 10, bytes.subarray(10, 20), 0)
    add(hasher, 0, bytes.subarray(0, 10), 20)
    await assert.rejects(hasher.digest(), /ends at 15/)
  })
})
