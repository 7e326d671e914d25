import assert from 'node:assert/strict'
import { cp, open, rm, utimes } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { StoreFullError, type BlobHandle, type ByteRange, type Digest } from '@layermesh/interface'
import { createMetrics } from '@layermesh/telemetry'
import { ManualClock, createTempDir, seededRandom } from '@layermesh/testkit'
import { DataLayout } from '../../src/data-layout.ts'
import { systemDisk, type Disk } from '../../src/disk.ts'
import { PieceGrid } from '../../src/piece-grid.ts'
import { openStorage, type Storage } from '../../src/storage.ts'
import { assertInvariants } from './assert-invariants.ts'
import { fillMissing } from './blob-actions.ts'
import { ForgetfulDisk } from './forgetful-disk.ts'
import { blobAt, bytesOf, contents, manifestAt, needs } from './model-blobs.ts'
import type { ModelFill, ModelHandle } from './model-handle.ts'
import { createRecordingLog } from './recording-log.ts'
import type { Step } from './store-step.ts'

/** Small enough that fills evict, large enough for everything that is pinned and one more. */
const MAX_BYTES = 5 * 1024 * 1024
const REPOSITORY = { upstream: 'docker.io', repository: 'library/model' }

/**
 * A store and what must be true of it: for each blob whether it is held. While it is open the model hears of every
 * blob that goes, and judges whether it might; what a crash or power cut leaves open is looked up afterwards.
 */
export class StoreModel implements AsyncDisposable {
  readonly #dir
  readonly #layout: DataLayout
  readonly #clock = new ManualClock()
  readonly #held = new Set<Digest>()
  /** Blobs that may be held or not: it depends on what got onto the disk. */
  readonly #uncertain = new Set<Digest>()
  /** Blobs whose file may have a wrong byte. */
  readonly #damaged = new Set<Digest>()
  readonly #everHeld = new Set<Digest>()
  readonly #pinned = new Set<Digest>()
  readonly #purging = new Set<Digest>()
  readonly #fills = new Map<Digest, ModelFill>()
  #handles: ModelHandle[] = []
  /** What was done to what must not be touched, by loops that nobody waits for. */
  readonly #violations: string[] = []
  #flips = 0
  #copies = 0
  #accessesLeft = Infinity
  #random = seededRandom(0)
  #forgetful!: ForgetfulDisk
  #storage!: Storage

  private constructor(dir: { readonly path: string } & AsyncDisposable) {
    this.#dir = dir
    this.#layout = new DataLayout(dir.path)
  }

  static async create(): Promise<StoreModel> {
    const model = new StoreModel(await createTempDir())
    // The folders are there before the disk begins to forget.
    await (await openStorage(model.#deps(systemDisk), { dataDir: model.#dir.path })).close()
    await model.#open()
    return model
  }

  async take(step: Step): Promise<void> {
    await this.#take(step)
    // Whoever opens or pins counts from now on for those who were about to evict.
    await setImmediate()
    assert.deepEqual(this.#violations, [])
    const { usedBytes, maxBytes } = this.#storage.space()
    assert.ok(usedBytes <= maxBytes, `${usedBytes} of ${maxBytes} bytes are used`)
  }

  /** Closes the store, opens it again and looks at everything. */
  async reopen(): Promise<void> {
    for (const [digest] of this.#fills) await this.#pause(digest)
    await this.#close()
    await this.#open()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#forgetful.stop()
    await this.#close()
    await this.#dir[Symbol.asyncDispose]()
  }

  async #take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'put':
        return this.#put(blobAt(step.pick))
      case 'begin':
        await this.#begin(blobAt(step.pick))
        return
      case 'write':
        return this.#write(step)
      case 'commit':
        return this.#commit(this.#pickFill(step.pick))
      case 'pause':
        return this.#pause(this.#pickFill(step.pick))
      case 'fail':
        return this.#fail(this.#pickFill(step.pick))
      case 'open':
        return this.#openHandle(this.#heldAt(step.pick))
      case 'read':
        return this.#read(step)
      case 'close':
        return this.#closeHandles((_, index) => index === step.pick % this.#handles.length)
      case 'purge':
        return this.#purge(blobAt(step.pick))
      case 'purge all':
        return this.#purgeAll()
      case 'pin': {
        const digest = manifestAt(step.pick)
        await this.#storage.pins.put({ ...REPOSITORY, digest, pinnedAtMs: this.#clock.now() })
        this.#pinned.add(digest)
        return
      }
      case 'unpin': {
        const digest = manifestAt(step.pick)
        assert.equal(await this.#storage.pins.remove({ ...REPOSITORY, digest }), this.#pinned.delete(digest))
        return
      }
      case 'use':
        this.#storage.blobs.used(manifestAt(step.pick))
        return
      case 'flip':
        return this.#flip(step)
      case 'wait':
        this.#clock.advance(step.minutes * 60_000)
        return
      case 'reopen':
        return this.reopen()
      case 'crash':
        await this.#crashDuringPut(step)
        return this.#open()
      case 'power cut':
        return this.#cutPower(step)
    }
  }

  async #begin(digest: Digest): Promise<ModelFill | undefined> {
    const underWay = this.#fills.get(digest)
    if (underWay !== undefined) return underWay
    const bytes = bytesOf(digest)
    try {
      const fill = await this.#storage.blobs.startFill(digest, bytes.length)
      const grid = new PieceGrid(bytes.length, fill.pieceBytes)
      const writtenEnds = Array.from({ length: grid.count }, (_, index) =>
        fill.pieceHash(index) === undefined ? grid.startOf(index) : grid.endOf(index),
      )
      const begun = { fill, bytes, writtenEnds }
      this.#fills.set(digest, begun)
      return begun
    } catch (error) {
      if (error instanceof StoreFullError) return undefined
      throw error
    }
  }

  async #put(digest: Digest): Promise<void> {
    if ((await this.#begin(digest)) !== undefined) await this.#commit(digest)
  }

  async #write({ pick, piece, sizeBytes }: Step & { kind: 'write' }): Promise<void> {
    const modelFill = this.#fills.get(this.#pickFill(pick)!)
    if (modelFill === undefined) return
    const { fill, bytes, writtenEnds } = modelFill
    const grid = new PieceGrid(bytes.length, fill.pieceBytes)
    const incomplete = [...writtenEnds.keys()].filter((index) => writtenEnds[index] !== grid.endOf(index))
    if (incomplete.length === 0) return
    const index = incomplete[piece % incomplete.length]!
    const start = writtenEnds[index]!
    const end = Math.min(start + sizeBytes, grid.endOf(index))
    await fill.write(start, bytes.subarray(start, end))
    writtenEnds[index] = end
  }

  async #commit(digest: Digest | undefined): Promise<void> {
    const modelFill = digest && this.#fills.get(digest)
    if (digest === undefined || modelFill === undefined) return
    const { fill, bytes, writtenEnds } = modelFill
    this.#everHeld.add(digest)
    await fillMissing(fill, bytes)
    const grid = new PieceGrid(bytes.length, fill.pieceBytes)
    for (const index of writtenEnds.keys()) writtenEnds[index] = grid.endOf(index)
    await fill.commit()
    this.#fills.delete(digest)
    assert.ok(this.#held.has(digest), `${digest} was committed and nobody was told`)
  }

  async #pause(digest: Digest | undefined): Promise<void> {
    const modelFill = digest && this.#fills.get(digest)
    if (digest === undefined || modelFill === undefined) return
    this.#fills.delete(digest)
    await modelFill.fill.pause(new Error('paused'))
    await this.#closeHandles(({ fill }) => fill === modelFill)
  }

  async #fail(digest: Digest | undefined): Promise<void> {
    const modelFill = digest && this.#fills.get(digest)
    if (digest === undefined || modelFill === undefined) return
    this.#fills.delete(digest)
    const reason = new Error('failed')
    await modelFill.fill.fail(reason)
    for (const { handle, fill } of this.#handles) {
      if (fill !== modelFill) continue
      await assert.rejects(Array.fromAsync(handle.read()), (error) => error === reason)
    }
    await this.#closeHandles(({ fill }) => fill === modelFill)
  }

  async #openHandle(digest: Digest): Promise<void> {
    const bytes = bytesOf(digest)
    const fill = this.#fills.get(digest)
    if (fill !== undefined) {
      // Whoever reads an empty blob waits for its digest.
      if (bytes.length === 0) return
      this.#handles.push({ handle: fill.fill.open(), bytes, fill, isDamaged: false, isDetached: true })
      return
    }
    const isDamaged = this.#damaged.has(digest)
    let handle: BlobHandle
    try {
      handle = await this.#storage.blobs.open(digest)
    } catch (error) {
      assert.equal((error as { code?: unknown }).code, 'ERR_BLOB_NOT_FOUND')
      assert.ok(!this.#held.has(digest), `${digest} is held and can't be opened`)
      return
    }
    await setImmediate()
    this.#handles.push({ handle, bytes, fill: undefined, isDamaged, isDetached: false })
  }

  async #read({ pick, from, to }: Step & { kind: 'read' }): Promise<void> {
    const modelHandle = this.#handles[pick % this.#handles.length]
    if (modelHandle === undefined) return
    const { handle, bytes, isDamaged } = modelHandle
    const range = this.#readable(modelHandle, {
      start: Math.floor((Math.min(from, to) * bytes.length) / 1000),
      end: Math.ceil((Math.max(from, to) * bytes.length) / 1000),
    })
    let offset = range.start
    try {
      for await (const chunk of handle.read(range)) {
        const expected = bytes.subarray(offset, offset + chunk.length)
        assert.ok(Buffer.from(chunk).equals(expected), `wrong bytes at ${offset} of ${handle.digest}`)
        offset += chunk.length
      }
      assert.equal(offset, range.end)
    } catch (error) {
      if (!isDamaged || (error as { code?: unknown }).code !== 'ERR_BLOB_DAMAGED') throw error
      assert.ok(!this.#damaged.has(handle.digest), 'a damaged blob is held still')
    }
  }

  /** What of a range can be read without waiting. */
  #readable({ fill, bytes, handle }: ModelHandle, { start, end }: ByteRange): ByteRange {
    if (fill === undefined || this.#fills.get(handle.digest) !== fill) return { start, end }
    const grid = new PieceGrid(bytes.length, fill.fill.pieceBytes)
    let readableEnd = start
    while (readableEnd < grid.lastStart) {
      const index = grid.indexOf(readableEnd)
      const writtenEnd = fill.writtenEnds[index]!
      if (writtenEnd <= readableEnd) break
      readableEnd = writtenEnd
      if (writtenEnd < grid.endOf(index)) break
    }
    return { start, end: Math.min(end, readableEnd) }
  }

  async #purge(digest: Digest): Promise<void> {
    this.#purging.add(digest)
    await this.#storage.blobs.remove(digest, 'purged')
    this.#purging.clear()
    assert.ok(!this.#held.has(digest), `${digest} was removed and nobody was told`)
  }

  async #purgeAll(): Promise<void> {
    const { images } = this.#storage
    const plan = await images.plan({ kind: 'all' })
    for (const digest of plan.blobs) {
      assert.ok(!this.#isPinned(digest), `${digest} is pinned and would be purged`)
      this.#purging.add(digest)
    }
    await images.purge(plan)
    this.#purging.clear()
    for (const digest of plan.blobs) assert.ok(!this.#held.has(digest))
  }

  /** Changes a byte of a file that nobody has open, as a bad disk does. */
  async #flip({ pick, at }: Step & { kind: 'flip' }): Promise<void> {
    const digest = this.#heldAt(pick)
    const bytes = bytesOf(digest)
    const isOpen = this.#handles.some(({ handle }) => handle.digest === digest)
    if (isOpen || this.#damaged.has(digest) || bytes.length === 0) return
    const path = this.#layout.blobPath(digest)
    const file = await open(path, 'r+').catch(() => undefined)
    if (file === undefined) return
    this.#damaged.add(digest)
    const offset = Math.floor((at * bytes.length) / 1000)
    await file.write(Buffer.of(bytes[offset]! ^ 1), 0, 1, offset)
    await file.close()
    // The clock of a file system may stand still for some milliseconds.
    const mtimeS = Date.UTC(2025, 0, 1) / 1000 + this.#flips++
    await utimes(path, mtimeS, mtimeS).catch(() => {})
  }

  /** Stops the disk in the middle of a put, and lets go of the store. What was told before holds. */
  async #crashDuringPut({
    pick,
    accesses,
  }: {
    readonly pick: number
    readonly accesses: number
  }): Promise<void> {
    const digest = blobAt(pick)
    const wasHeld = this.#held.has(digest)
    this.#accessesLeft = accesses
    try {
      await this.#put(digest)
    } catch (error) {
      if (this.#accessesLeft > 0) throw error
      if (!wasHeld && !this.#held.has(digest)) this.#uncertain.add(digest)
    }
    this.#forgetful.stop()
    await this.#close()
  }

  async #cutPower(step: Step & { kind: 'power cut' }): Promise<void> {
    this.#random = seededRandom(step.seed)
    await this.#crashDuringPut(step)
    await this.#forgetful.cutPower(['index'])
    // A removal isn't synced, nor is that a file was put into quarantine.
    for (const digest of this.#everHeld) if (!this.#held.has(digest)) this.#uncertain.add(digest)
    const { index } = this.#layout
    if (step.index !== 'spared') await rm(index, { recursive: true })
    if (step.index === 'older') {
      const copy = Math.max(1, this.#copies - Math.floor(this.#random() * 4))
      await cp(`${this.#dir.path}/copy-${copy}`, index, { recursive: true })
    }
    await this.#open()
  }

  #deps(disk: Disk) {
    return { log: createRecordingLog(), clock: this.#clock, metrics: createMetrics(), disk }
  }

  async #open(): Promise<void> {
    this.#accessesLeft = Infinity
    this.#forgetful = new ForgetfulDisk(this.#layout.root, () => this.#random())
    const init = { dataDir: this.#dir.path, limits: { maxBytes: MAX_BYTES, minFreeBytes: 0 } }
    this.#storage = await openStorage(this.#deps(this.#watched(this.#forgetful)), init)
    this.#storage.blobs.watch({
      added: ({ digest }) => void this.#held.add(digest),
      removed: (digest, reason) => {
        for (const each of this.#handles) if (each.handle.digest === digest) each.isDetached = true
        const isKnown = this.#damaged.delete(digest) || this.#uncertain.has(digest)
        const mayGo = { evicted: true, unused: false, damaged: isKnown, purged: this.#purging.has(digest) }
        if (this.#held.delete(digest) && !mayGo[reason]) this.#violations.push(`${reason}: ${digest}`)
      },
    })
    await this.#check()
  }

  /** Looks at everything, when nothing is going on. */
  async #check(): Promise<void> {
    await this.#storage.reconciled
    // The first round of upkeep ends with a timer for the next.
    while (this.#clock.pendingTimers === 0) await setImmediate()
    for (const digest of [...this.#damaged, ...this.#uncertain]) await this.#storage.verify(digest)
    const listed = new Set(Array.from(this.#storage.blobs.list(), ({ digest }) => digest))
    for (const digest of this.#uncertain) {
      if (listed.has(digest)) this.#held.add(digest)
      else this.#held.delete(digest)
    }
    for (const digest of this.#damaged) if (!listed.has(digest)) this.#held.delete(digest)
    this.#uncertain.clear()
    this.#damaged.clear()
    const gone = contents.keys().filter((digest) => !this.#held.has(digest))
    await assertInvariants(this.#storage, this.#layout, { contents, held: this.#held, gone })
    assert.deepEqual(
      this.#storage.pins.list().map(({ digest }) => digest),
      [...this.#pinned].toSorted(),
    )
    assert.deepEqual(this.#violations, [])
  }

  /** Lets go of the store, whose disk may have stopped. */
  async #close(): Promise<void> {
    await this.#closeHandles(() => true)
    for (const { fill } of this.#fills.values()) await fill.fail(new Error('stopped'))
    this.#fills.clear()
    await this.#storage.close()
    await cp(this.#layout.index, `${this.#dir.path}/copy-${++this.#copies}`, { recursive: true })
  }

  async #closeHandles(isMeant: (handle: ModelHandle, index: number) => boolean): Promise<void> {
    const meant = this.#handles.filter(isMeant)
    this.#handles = this.#handles.filter((handle) => !meant.includes(handle))
    for (const { handle } of meant) await handle[Symbol.asyncDispose]()
  }

  /** A disk that stops after `#accessesLeft`, and on which nothing is removed that is in use. */
  #watched(forgetful: ForgetfulDisk): Disk {
    const { disk } = forgetful
    const count = () => {
      if (this.#accessesLeft-- <= 0) forgetful.stop()
    }
    const paths = new Map(contents.keys().map((digest) => [this.#layout.blobPath(digest), digest]))
    return {
      ...disk,
      open: (path, flags, mode) => (count(), disk.open(path, flags, mode)),
      rename: (from, to) => (count(), disk.rename(from, to)),
      remove: (path) => {
        count()
        const digest = paths.get(path)
        if (digest !== undefined) this.#requireUnused(digest)
        return disk.remove(path)
      },
      stat: (path) => (count(), disk.stat(path)),
      mkdir: (path, mode) => (count(), disk.mkdir(path, mode)),
      syncFolder: (path) => (count(), disk.syncFolder(path)),
    }
  }

  #requireUnused(digest: Digest): void {
    if (this.#purging.has(digest) || this.#accessesLeft < 0) return
    const isOpen = this.#handles.some(({ handle, isDetached }) => !isDetached && handle.digest === digest)
    if (isOpen || this.#isPinned(digest)) this.#violations.push(`${digest} is in use and was evicted`)
  }

  #isPinned(digest: Digest): boolean {
    return this.#pinned
      .values()
      .some((root) => root === digest || (this.#held.has(root) && needs.get(root)!.includes(digest)))
  }

  /** A blob that is held or being filled, mostly. */
  #heldAt(pick: number): Digest {
    const choices = [...this.#held, ...this.#fills.keys(), blobAt(pick)]
    return choices[pick % choices.length]!
  }

  #pickFill(pick: number): Digest | undefined {
    return [...this.#fills.keys()][pick % this.#fills.size]
  }
}
