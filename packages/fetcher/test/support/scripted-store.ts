import {
  BlobDamagedError,
  type BlobHandle,
  type BlobStat,
  type BlobStore,
  type ByteRange,
  type Digest,
  type Fill,
  FillWriteError,
  type HoldingsListener,
  type PieceTable,
  type ReadOptions,
  type RemovalReason,
  StoreFullError,
  type Unsubscribe,
} from '@layermesh/interface'

/** How a fill was ended, and why. */
export interface FillEnd {
  readonly how: 'commit' | 'pause' | 'fail'
  readonly reason?: Error
}

/** A real store that is full, whose disk fails, or whose files rot, when told to; and that resumes what was paused. */
export class ScriptedStore implements BlobStore {
  /** Whether there is no room for any blob. */
  isFull = false
  /** Whether the disk can't even begin a fill. */
  isReadOnly = false
  /** Each fill's disk fails when so many bytes have been written. */
  failsAfterBytes = Infinity
  /** Awaited before each commit. */
  beforeCommit: () => Promise<void> = () => Promise.resolve()
  /** Awaited after each look at the disk that begins from then on. */
  afterStat: () => Promise<void> = () => Promise.resolve()
  readonly ends: FillEnd[] = []
  readonly usedDigests: Digest[] = []
  readonly #inner: BlobStore
  readonly #rotten = new Map<Digest, number>()

  constructor(inner: BlobStore) {
    this.#inner = inner
  }

  /** From now on the file of a blob is found to be damaged when it is read at `offset`; it is dropped then. */
  rot(digest: Digest, offset: number): void {
    this.#rotten.set(digest, offset)
  }

  /** Leaves the first pieces of a blob of `sizeBytes` as an interrupted fill would. */
  async leavePaused(digest: Digest, sizeBytes: number, bytes: Uint8Array): Promise<void> {
    const fill = await this.#inner.startFill(digest, sizeBytes)
    await fill.write(0, bytes)
    await fill.pause(new Error('scripted'))
  }

  knows(digest: Digest): boolean {
    return this.#inner.knows(digest)
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const { afterStat } = this
    const stat = await this.#inner.stat(digest)
    await afterStat()
    return stat
  }

  async open(digest: Digest): Promise<BlobHandle> {
    const handle = await this.#inner.open(digest)
    const { sizeBytes } = handle
    return {
      digest,
      sizeBytes,
      read: (range = { start: 0, end: sizeBytes }, options) => this.#read(handle, range, options),
      [Symbol.asyncDispose]: () => handle[Symbol.asyncDispose](),
    }
  }

  pieceTable(digest: Digest): Promise<PieceTable> {
    return this.#inner.pieceTable(digest)
  }

  pausedSizeBytes(digest: Digest): Promise<number | undefined> {
    return this.#inner.pausedSizeBytes(digest)
  }

  async startFill(digest: Digest, sizeBytes: number): Promise<Fill> {
    if (this.isFull) throw new StoreFullError('scripted')
    if (this.isReadOnly) throw new FillWriteError('scripted')
    return new ScriptedFill(await this.#inner.startFill(digest, sizeBytes), this)
  }

  used(digest: Digest): void {
    this.usedDigests.push(digest)
    this.#inner.used(digest)
  }

  remove(digest: Digest, reason: RemovalReason): Promise<void> {
    return this.#inner.remove(digest, reason)
  }

  list(): Iterable<BlobStat> {
    return this.#inner.list()
  }

  watch(listener: HoldingsListener): Unsubscribe {
    return this.#inner.watch(listener)
  }

  async *#read(handle: BlobHandle, range: ByteRange, options?: ReadOptions): AsyncGenerator<Uint8Array> {
    const rottenAt = this.#rotten.get(handle.digest) ?? Infinity
    if (range.end <= rottenAt) {
      yield* handle.read(range, options)
      return
    }
    if (range.start < rottenAt) yield* handle.read({ start: range.start, end: rottenAt }, options)
    this.#rotten.delete(handle.digest)
    await this.#inner.remove(handle.digest, 'damaged')
    throw new BlobDamagedError(handle.digest, 'scripted')
  }
}

/** A fill whose disk may fail. */
class ScriptedFill implements Fill {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly pieceBytes: number
  readonly #inner: Fill
  readonly #store: ScriptedStore
  #writtenBytes = 0

  constructor(inner: Fill, store: ScriptedStore) {
    this.digest = inner.digest
    this.sizeBytes = inner.sizeBytes
    this.pieceBytes = inner.pieceBytes
    this.#inner = inner
    this.#store = store
  }

  get exposed(): boolean {
    return this.#inner.exposed
  }

  firstMissing(): ByteRange | undefined {
    return this.#inner.firstMissing()
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const roomBytes = this.#store.failsAfterBytes - this.#writtenBytes
    const fitting = bytes.subarray(0, Math.max(0, roomBytes))
    await this.#inner.write(offset, fitting)
    this.#writtenBytes += fitting.length
    if (fitting.length < bytes.length) throw new FillWriteError('scripted')
  }

  pieceHash(index: number): Uint8Array | undefined {
    return this.#inner.pieceHash(index)
  }

  whenWritten(range: ByteRange, options?: ReadOptions): Promise<void> {
    return this.#inner.whenWritten(range, options)
  }

  open(): BlobHandle {
    return this.#inner.open()
  }

  async commit(): Promise<BlobStat> {
    await this.#store.beforeCommit()
    const stat = await this.#inner.commit()
    this.#store.ends.push({ how: 'commit' })
    return stat
  }

  async pause(reason: Error): Promise<void> {
    this.#store.ends.push({ how: 'pause', reason })
    await this.#inner.pause(reason)
  }

  async fail(reason: Error): Promise<void> {
    this.#store.ends.push({ how: 'fail', reason })
    await this.#inner.fail(reason)
  }
}
