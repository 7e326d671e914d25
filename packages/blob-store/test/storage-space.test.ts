import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import {
  FillWriteError,
  type CopyCounts,
  type Digest,
  type HoldingsListener,
  type RemovalReason,
} from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import {
  ManualClock,
  expectNoLeaks,
  seededBytes,
  takeResourceSnapshot,
  type ResourceSnapshot,
} from '@layermesh/testkit'
import { systemDisk, type Disk } from '../src/disk.ts'
import { PULL_LEASE_MS } from '../src/pull-leases.ts'
import { assertInvariants } from './support/assert-invariants.ts'
import { assertNoFillFiles, putBlob, readAll } from './support/blob-actions.ts'
import { bytesOf, contents as modelContents, manifestAt, needs } from './support/model-blobs.ts'
import { openTempStorage, type TempStorage, type TempStorageOptions } from './support/temp-storage.ts'

const MiB = 1024 * 1024
const repository = { upstream: 'docker.io', repository: 'library/nginx' }
const mebibytes = Array.from({ length: 12 }, (_, index) => seededBytes(`mebibyte ${index}`, MiB))
const contents = new Map([...modelContents, ...mebibytes.map((bytes) => [digestOf(bytes), bytes] as const)])
const manifestDigest = manifestAt(0)
const layerDigests = needs.get(manifestDigest)!
const manifest = bytesOf(manifestDigest)
const layers = layerDigests.map(bytesOf)

/** What a watcher has heard, as `+digest` and `-digest reason`. */
function hearOf(temp: TempStorage): string[] {
  const heard: string[] = []
  const listener: HoldingsListener = {
    added: ({ digest }) => heard.push(`+${digest}`),
    removed: (digest: Digest, reason: RemovalReason) => heard.push(`-${digest} ${reason}`),
  }
  temp.current.blobs.watch(listener)
  return heard
}

/** Resolves when a blob has been removed. */
function whenRemoved(temp: TempStorage, digest: Digest): Promise<RemovalReason> {
  const { promise, resolve } = Promise.withResolvers<RemovalReason>()
  temp.current.blobs.watch({
    removed: (removed, reason) => {
      if (removed === digest) resolve(reason)
    },
  })
  return promise
}

describe('openStorage with a budget', () => {
  let before: ResourceSnapshot
  let clock: ManualClock
  let temp: TempStorage

  beforeEach(async () => {
    before = await takeResourceSnapshot()
    clock = new ManualClock()
  })
  afterEach(async () => {
    await temp[Symbol.asyncDispose]()
    await expectNoLeaks(before)
  })

  async function open(maxBytes: number, options: TempStorageOptions = {}): Promise<void> {
    const { init, ...deps } = options
    temp = await openTempStorage({
      ...{ clock, ...deps },
      init: { limits: { maxBytes, minFreeBytes: 0 }, ...init },
    })
    await temp.current.reconciled
  }

  const put = (index: number) => putBlob(temp.current.blobs, mebibytes[index]!)
  const held = () => Array.from(temp.current.blobs.list(), ({ digest }) => digest)
  const assertRight = () => assertInvariants(temp.current, temp.layout, { contents })
  const startFill = (sizeBytes: number, name = 'new') =>
    temp.current.blobs.startFill(digestOf(Buffer.from(name)), sizeBytes)
  const full = { code: 'ERR_STORE_FULL' }

  it('evicts on the way, what is worth least first, and tells of each blob once', async () => {
    await open(4 * MiB)
    const heard = hearOf(temp)
    const first = await put(0)
    clock.advance(3_600_000)
    for (let index = 1; index < 7; index++) await put(index)
    await assertRight()
    assert.ok(!held().includes(first))
    assert.ok(held().includes(digestOf(mebibytes[6]!)))
    assert.equal(heard.filter((line) => line === `-${first} evicted`).length, 1)
    assert.equal(new Set(heard).size, heard.length)
    assert.equal(heard.filter((line) => line.startsWith('+')).length, 7)
  })

  it('leaves no file of a fill that it has no room for', async () => {
    await open(4 * MiB)
    await assert.rejects(startFill(5 * MiB), full)
    await assertNoFillFiles(temp.layout)
    const fill = await startFill(4 * MiB)
    await assert.rejects(startFill(1, 'other'), full)
    assert.equal((await readdir(temp.layout.fills)).length, 1)
    await fill.fail(new Error('over'))
  })

  it('begins a fill whose file the disk has refused before there was room', async () => {
    let refusals = 1
    const disk: Disk = {
      ...systemDisk,
      open: async (path, flags, mode) => {
        if (flags !== 'wx+' || refusals-- <= 0) return systemDisk.open(path, flags, mode)
        throw Object.assign(new Error('ENOSPC: no space left on device, open'), { code: 'ENOSPC' })
      },
    }
    await open(4 * MiB, { disk })
    const fill = await startFill(MiB)
    await fill.write(0, mebibytes[0]!)
    assert.equal(refusals, -1)
    await fill.fail(new Error('over'))
    refusals = 2
    await assert.rejects(startFill(MiB), FillWriteError)
    assert.equal(temp.current.space().usedBytes, 0)
  })

  it('goes down to the low-water mark in the background, before anybody needs the room', async () => {
    await open(10 * MiB)
    for (let index = 0; index < 9; index++) await put(index)
    const removed = Promise.race(held().map((digest) => whenRemoved(temp, digest)))
    await put(9)
    assert.equal(await removed, 'evicted')
    const fill = await startFill(1)
    assert.ok(temp.current.space().usedBytes <= 0.9 * 10 * MiB)
    await fill.fail(new Error('over'))
    await assertRight()
  })

  it('refuses a fill larger than the budget, and evicts nothing for it', async () => {
    await open(4 * MiB)
    const digest = await put(0)
    await assert.rejects(startFill(4 * MiB + 1), full)
    assert.deepEqual(held(), [digest])
    await assertNoFillFiles(temp.layout)
  })

  it('refuses a fill for which not enough may go, and lets go of nothing for it, paused fills included', async () => {
    await open(6 * MiB)
    const paused = await startFill(2 * MiB, 'paused')
    await paused.write(0, mebibytes[0]!)
    await paused.pause(new Error('later'))
    await put(1)
    await using handle = await temp.current.blobs.open(await put(2))
    await assert.rejects(startFill(6 * MiB), full)
    assert.equal(held().length, 2)
    assert.equal((await readdir(temp.layout.fills)).length, 2)
    assert.equal(handle.sizeBytes, MiB)
  })

  it('keeps reserved room from others until a fill ends, however it ends', async () => {
    await open(4 * MiB)
    const fill = await startFill(3 * MiB, 'first')
    await assert.rejects(startFill(2 * MiB), full)
    await fill.fail(new Error('over'))
    const next = await startFill(2 * MiB)
    assert.equal(temp.current.space().usedBytes, 2 * MiB)
    await next.pause(new Error('nothing to keep'))
    assert.equal(temp.current.space().usedBytes, 0)
  })

  it('never takes more than the budget when many begin at once', async () => {
    await open(4 * MiB)
    const results = await Promise.allSettled(mebibytes.map((bytes) => putBlob(temp.current.blobs, bytes)))
    for (const result of results) {
      if (result.status === 'rejected') assert.equal((result.reason as { code: string }).code, full.code)
    }
    assert.ok(held().length > 0)
    await assertRight()
  })

  it('drops paused fills, then what is in quarantine, before any blob', async () => {
    await open(4 * MiB)
    const digest = await put(0)
    const paused = await startFill(2 * MiB, 'paused')
    await paused.write(0, mebibytes[1]!)
    await paused.pause(new Error('later'))
    const fill = await startFill(2.5 * MiB)
    assert.deepEqual(held(), [digest])
    await fill.fail(new Error('over'))
    await assertNoFillFiles(temp.layout)
  })

  describe('does not evict', () => {
    /** Fills up until only what is protected can be there. */
    async function press(): Promise<void> {
      for (let index = 4; index < 12; index++) await put(index)
    }

    it('what a pin by digest or by tag protects, the layers included', async () => {
      await open(6 * MiB)
      const { blobs, pins, tags } = temp.current
      for (const bytes of [...layers, manifest]) await putBlob(blobs, bytes)
      const record = { digest: manifestDigest, mediaType: 'm', sizeBytes: 1, confirmedAtMs: 0 }
      await tags.put({ ...repository, tag: 'latest' }, record)
      await pins.put({ ...repository, tag: 'latest', pinnedAtMs: 0 })
      clock.advance(2 * PULL_LEASE_MS)
      await press()
      for (const digest of [manifestDigest, ...layerDigests]) assert.ok(held().includes(digest))
      await pins.put({ ...repository, digest: manifestDigest, pinnedAtMs: 0 })
      await pins.remove({ ...repository, tag: 'latest' })
      await press()
      for (const digest of [manifestDigest, ...layerDigests]) assert.ok(held().includes(digest))
      await pins.remove({ ...repository, digest: manifestDigest })
      clock.advance(1000 * 3_600_000)
      await (await startFill(6 * MiB)).fail(new Error('over'))
      assert.deepEqual(held(), [])
    })

    it('what is being read, be it from the store or from the fill that has become it', async () => {
      await open(4 * MiB)
      const { blobs } = temp.current
      await using fromStore = await blobs.open(await put(0))
      const fill = await blobs.startFill(digestOf(mebibytes[1]!), MiB)
      const fromFill = fill.open()
      await fill.write(0, mebibytes[1]!)
      await fill.commit()
      clock.advance(3_600_000)
      await press()
      const both = [digestOf(mebibytes[0]!), fill.digest]
      for (const digest of both) assert.ok(held().includes(digest))
      assert.ok(mebibytes[0]!.equals(await readAll(fromStore)))
      assert.ok(mebibytes[1]!.equals(await readAll(fromFill)))
      await fromFill[Symbol.asyncDispose]()
      clock.advance(3_600_000)
      await press()
      assert.ok(!held().includes(fill.digest))
    })

    it('what an image needs that is being pulled, until some time after', async () => {
      await open(6 * MiB)
      const { blobs } = temp.current
      for (const bytes of layers) await putBlob(blobs, bytes)
      clock.advance(3_600_000)
      await putBlob(blobs, manifest)
      await press()
      for (const digest of layerDigests) assert.ok(held().includes(digest))
      clock.advance(PULL_LEASE_MS / 2)
      blobs.used(manifestDigest)
      clock.advance(PULL_LEASE_MS - 1)
      await press()
      for (const digest of layerDigests) assert.ok(held().includes(digest))
      clock.advance(1000 * 3_600_000)
      await press()
      assert.ok(!layerDigests.every((digest) => held().includes(digest)))
    })

    it('what gets a pin while others are evicted', async () => {
      await open(4 * MiB)
      const digests = [await put(0), await put(1), await put(2)]
      const pinning = Promise.all(
        digests.map((digest) => temp.current.pins.put({ ...repository, digest, pinnedAtMs: 0 })),
      )
      const heard = hearOf(temp)
      const pinned = pinning.then(() => heard.length)
      const fill = await startFill(4 * MiB).catch(() => undefined)
      assert.deepEqual(heard.slice(await pinned), [])
      await fill?.fail(new Error('over'))
    })
  })

  it('prefers what other nodes have, and counts when a last copy goes', async () => {
    const others = new Set<Digest>()
    const copiesOf = (digest: Digest): CopyCounts => ({
      site: others.has(digest) ? 2 : 0,
      region: 0,
      world: 0,
    })
    await open(4 * MiB, { copiesOf })
    await put(0)
    others.add(await put(1))
    await put(2)
    const fill = await startFill(1.5 * MiB)
    assert.deepEqual(held().toSorted(), [digestOf(mebibytes[0]!), digestOf(mebibytes[2]!)].toSorted())
    assert.match(await temp.metrics.text(), /cache_last_copy_evictions_total 0/)
    const next = await startFill(1.5 * MiB, 'next')
    assert.match(await temp.metrics.text(), /cache_last_copy_evictions_total 1/)
    assert.match(await temp.metrics.text(), /cache_removed_bytes_total\{reason="evicted"\} 2097152/)
    for (const each of [fill, next]) await each.fail(new Error('over'))
  })

  it('removes nothing more once it is closed', async () => {
    await open(10 * MiB)
    for (let index = 0; index < 10; index++) await put(index)
    await temp.current.close()
    const files = await readdir(temp.layout.blobs, { recursive: true })
    await temp.reopen()
    await assertRight()
    assert.deepEqual(await readdir(temp.layout.blobs, { recursive: true }), files)
  })
})
