import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { digestOf } from '@layermesh/oci'
import { editIndex, listDigests, putBlob } from './support/blob-actions.ts'
import { openTempStorage, type TempStorage } from './support/temp-storage.ts'

describe('the comparison of index and files', () => {
  let temp: TempStorage

  beforeEach(async () => {
    temp = await openTempStorage()
  })
  afterEach(() => temp[Symbol.asyncDispose]())

  const contents = Array.from({ length: 12 }, (_, index) => Buffer.from(`blob ${index}`))
  const digests = contents.map((bytes) => digestOf(bytes)).toSorted()
  const bytes = contents.reduce((sum, content) => sum + content.length, 0)
  const putAll = async () => {
    for (const content of contents) await putBlob(temp.current.blobs, content)
  }

  it('makes list and totals right again when the index was deleted', async () => {
    await putAll()
    const storage = await temp.reopen(() => rm(temp.layout.index, { recursive: true }))
    assert.deepEqual(await listDigests(storage), digests)
    assert.deepEqual(storage.totals(), { blobs: contents.length, bytes })
  })

  it('drops entries whose files are gone', async () => {
    await putAll()
    const storage = await temp.reopen(() => rm(temp.layout.blobPath(digests[3]!)))
    assert.deepEqual(
      await listDigests(storage),
      digests.filter((_, index) => index !== 3),
    )
  })

  it('drops entries when all folders of blobs are gone', async () => {
    await putAll()
    const storage = await temp.reopen(() => rm(temp.layout.blobs, { recursive: true }))
    assert.deepEqual(await listDigests(storage), [])
    assert.deepEqual(storage.totals(), { blobs: 0, bytes: 0 })
    await putBlob(storage.blobs, contents[0]!)
    assert.equal((await listDigests(storage)).length, 1)
  })

  it('finds the files of entries that make no sense', async () => {
    await putAll()
    const storage = await temp.reopen(() =>
      editIndex(temp.layout, (db) => db.sublevel('blobs').put(digests[0]!, 'nonsense')),
    )
    assert.deepEqual(await listDigests(storage), digests)
  })

  it('lets files alone that are no blobs', async () => {
    const digest = digests[0]!
    const strays = [
      join(temp.layout.blobs, 'sha256/README'),
      join(temp.layout.blobs, 'sha256/ab/partial'),
      join(temp.layout.blobs, 'sha256/zz', digest.slice('sha256:'.length)),
    ]
    const storage = await temp.reopen(async () => {
      for (const path of strays) {
        await mkdir(dirname(path), { recursive: true })
        await writeFile(path, '')
      }
    })
    assert.deepEqual(await listDigests(storage), [])
  })

  it('does not disturb what is committed and removed meanwhile', async () => {
    await putAll()
    const storage = await temp.reopen(() => rm(temp.layout.index, { recursive: true }))
    await Promise.all([
      storage.blobs.remove(digests[0]!, 'purged'),
      putBlob(storage.blobs, Buffer.from('another')),
    ])
    const expected = [...digests.slice(1), digestOf(Buffer.from('another'))].toSorted()
    assert.deepEqual(await listDigests(storage), expected)
    assert.equal(storage.totals().blobs, expected.length)
  })

  it('ends with a line that says what is held', async () => {
    await putAll()
    const storage = await temp.reopen()
    await listDigests(storage)
    await storage.close()
    assert.ok(temp.log.lines.includes('info blob index reconciled'))
  })

  it('is given up at once when the storage is closed', async () => {
    await putAll()
    const storage = await temp.reopen(() => rm(temp.layout.index, { recursive: true }))
    await storage.close()
    assert.ok(!temp.log.lines.some((line) => line.startsWith('error')))
  })
})
