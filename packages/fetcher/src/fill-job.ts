import { abortable, sleep } from '@layermesh/async'
import type { IncomingRequest } from '@layermesh/exchange'
import {
  BlobCorruptError,
  type BlobHandle,
  type BlobStore,
  type ByteSource,
  ContentUnavailableError,
  type ContentRef,
  type FetchOptions,
  type Fill,
  FillEndedError,
  FillWriteError,
  NotKeptError,
  type PeerNetwork,
  type SourceScope,
  StoreFullError,
  UpstreamProtocolError,
} from '@layermesh/interface'
import { MAX_MANIFEST_BYTES } from '@layermesh/oci'

import { copyFromSource, type CopyDeps } from './copy-from-source.ts'
import { spoilsFill } from './fill-end.ts'
import { FillWatchers, GRACE_MS, type Watcher } from './fill-watchers.ts'
import { type BlobPrefix, PassingFill } from './passing-fill.ts'
import type { Source } from './source-plan.ts'
import { SourceRoster, type SourceRosterDeps } from './source-roster.ts'
import { isRefusedByStore, type UnkeptFills } from './unkept-fills.ts'

/** The setting `cache.unwatchedFills`: what becomes of a fill that no client and no peer wants any more. */
export type UnwatchedFills = 'finish' | 'pause' | 'drop'

/** Collaborators of every fill job of a node. */
export interface FillJobDeps extends SourceRosterDeps, CopyDeps {
  readonly network: SourceRosterDeps['network'] & Pick<PeerNetwork, 'search'>
  readonly store: BlobStore
  readonly unkept: UnkeptFills
  /** Whether content of that size is to be kept: the setting `cache.rules`. */
  readonly isToBeKept: (ref: ContentRef, sizeBytes: number) => boolean
  /** Resolves when the content has been confirmed where `ref` says: what was here before says nothing of that. Throws as upstream answers. */
  readonly confirm: (ref: ContentRef, options: FetchOptions) => Promise<void>
  /** Called when the blob is committed, before anybody hears of it. Must not throw. */
  readonly onKept: (ref: ContentRef) => Promise<void>
}

/** What a job is to get. */
export interface FillJobInit {
  readonly ref: ContentRef
  readonly sources: readonly SourceScope[]
  readonly unwatched: UnwatchedFills
  /** The job begins when this has settled. */
  readonly after?: Promise<unknown> | undefined
  /** Why the blob isn't even tried to be kept: it passes to one client, from after what that client has. */
  readonly unkept?: { readonly reason: Error; readonly prefix?: BlobPrefix | undefined } | undefined
  /** Called when the job serves one client from now on, so that no other can join it. */
  readonly onPassing?: () => void
  /** Ends the job; readers and waiters get its reason. */
  readonly signal: AbortSignal
}

/** One of the fills that a job goes through: there is a further one when the last has failed and its readers can go on. */
export interface FillGeneration {
  /** Undefined when the blob was on disk before the job began. */
  readonly fill: Fill | undefined
  /** The generation that replaces this one; rejects when the job ends without one. */
  readonly next: Promise<FillGeneration>
  /** So many bytes at the beginning are those of the generation before; who has had more can't go on with this one. */
  readonly sameBytes: number
}

/** A generation that is being read. Whoever has it disposes of the handle and, when the blob isn't wanted any more, of `watch`. */
export interface OpenGeneration {
  readonly fill: Fill
  readonly handle: BlobHandle
  readonly next: Promise<FillGeneration>
  readonly watch: Disposable
}

/** How many times a job starts over because the bytes were wrong. */
const MAX_RESTARTS = 3

/**
 * Gets one blob onto this node's disk, from whichever source gives it; no reader's leaving stops it, unless the
 * setting says so. What the store has no place for goes through memory to those who want it now.
 */
export class FillJob {
  /** Resolves when all bytes are here and right; rejects when no source could give them. */
  readonly done: Promise<void>
  readonly #deps: FillJobDeps
  readonly #init: FillJobInit
  readonly #roster: SourceRoster
  readonly #watchers: FillWatchers
  readonly #deserted = new AbortController()
  readonly #signal: AbortSignal
  /** The generation that is under way, or the one that is awaited. */
  #latest: Promise<FillGeneration>
  #coming = Promise.withResolvers<FillGeneration>()
  #fill: Fill | undefined
  /** Whether readers know of `#fill`: not before a source has answered, so that no reply begins without one. */
  #isOpen = false
  #restarts = 0
  #source: ByteSource | undefined
  /** Why the blob isn't kept; undefined as long as it is. */
  #refusal: Error | undefined
  /** Whether two sources have told different sizes. */
  #isSizeDisputed = false

  constructor(deps: FillJobDeps, init: FillJobInit) {
    this.#deps = deps
    this.#init = init
    this.#refusal = init.unkept?.reason
    this.#roster = new SourceRoster(deps, { ref: init.ref, sources: init.sources })
    this.#signal = AbortSignal.any([init.signal, this.#deserted.signal])
    const graceMs = init.unwatched === 'finish' ? undefined : GRACE_MS
    this.#watchers = new FillWatchers(deps.clock, graceMs, () => {
      this.#deserted.abort(new ContentUnavailableError(`nobody wants ${init.ref.digest} any more`))
    })
    if (this.#refusal !== undefined) this.#watchers.endGrace()
    this.#latest = this.#coming.promise
    this.done = this.#run()
    // Both may fail with nobody listening: clients come and go.
    this.#latest.catch(() => {})
    this.done.catch(() => {})
  }

  /** The source that told the blob's size first; `cache` when the blob was here before. */
  get source(): ByteSource {
    return this.#source ?? 'cache'
  }

  /** Whether the job is ending because nobody wanted the blob. */
  get isDeserted(): boolean {
    return this.#deserted.signal.aborted
  }

  /** Notes somebody who wants the blob, until the result is disposed of. */
  watch(watcher: Watcher): Disposable {
    return this.#watchers.add(watcher)
  }

  /** The job's generation, once a source has told the blob's size. `signal` ends the waiting only. */
  async whenBegun(signal?: AbortSignal): Promise<FillGeneration> {
    const watch = this.watch('node')
    try {
      return await abortable(this.#latest, signal)
    } finally {
      watch[Symbol.dispose]()
    }
  }

  /**
   * Opens the blob as it comes, once its size is known; undefined when it is on disk by then. Throws ERR_STORE_FULL when
   * it isn't kept, and passes to one client only that `watcher` isn't.
   */
  async follow(watcher: Watcher, signal?: AbortSignal): Promise<OpenGeneration | undefined> {
    using stack = new DisposableStack()
    const watch = stack.use(this.watch(watcher))
    const { fill, next } = await abortable(this.#latest, signal)
    if (fill === undefined) return undefined
    if (fill instanceof PassingFill && (fill.isTaken || watcher !== 'client')) {
      throw new StoreFullError(`${fill.digest} is not kept`, { cause: this.#refusal })
    }
    try {
      const handle = fill.open()
      stack.move()
      return { fill, handle, next, watch }
    } catch (error) {
      if (!(error instanceof FillEndedError)) throw error
      await abortable(this.done, signal)
      return undefined
    }
  }

  /** Whether the job asks where `ref` says; what upstream answers to another repository, to somebody else or of another kind is no answer to `ref`. */
  isFor({ kind, upstream, repository, access = 'anonymous' }: ContentRef): boolean {
    const { ref } = this.#init
    if ((ref.access ?? 'anonymous') !== access) return false
    return ref.kind === kind && ref.upstream === upstream && ref.repository === repository
  }

  /** Takes note of what a peer knows that waits for this job as its lead. */
  askedBy({ from, heldPieces, refusedBy }: IncomingRequest): void {
    if (heldPieces !== undefined && heldPieces > 0) this.#roster.offered(from.peer, heldPieces)
    if (refusedBy !== undefined) this.#roster.refusedElsewhere(refusedBy)
  }

  /** What is here of the blob at this moment, for a peer that waits for nothing; undefined when there is nothing, or it isn't kept. */
  openPart(): { readonly fill: Fill; readonly handle: BlobHandle; readonly pieces: number } | undefined {
    const fill = this.#fill
    const pieces = this.#heldPieces()
    if (fill === undefined || pieces === 0 || !this.#isOpen || this.#refusal !== undefined) return undefined
    try {
      return { fill, handle: fill.open(), pieces }
    } catch (error) {
      if (error instanceof FillEndedError) return undefined
      throw error
    }
  }

  async #run(): Promise<void> {
    const { after, ref, unkept } = this.#init
    const { store } = this.#deps
    try {
      await Promise.allSettled([after])
      // Another job may have ended between a caller's look at the disk and now.
      const isKnown = unkept === undefined && store.knows(ref.digest)
      if (isKnown && (await store.stat(ref.digest)) !== undefined) {
        await this.#deps.confirm(ref, { signal: this.#signal })
        this.#advance(undefined)
      } else {
        await this.#fetch()
      }
    } catch (error) {
      const reason =
        error instanceof Error ? error : new ContentUnavailableError('the fetch failed', { cause: error })
      this.#coming.reject(reason)
      await this.#endFill(reason)
      throw reason
    } finally {
      this.#watchers.end()
      this.#coming.reject(new ContentUnavailableError(`the fetch of ${ref.digest} has ended`))
    }
  }

  async #fetch(): Promise<void> {
    const { clock, log, onKept } = this.#deps
    const { ref } = this.#init
    const startedMs = clock.monotonicMs()
    if (!(await this.#resume())) {
      while (!(await this.#fetchFromNextSource()));
    }
    const facts = {
      digest: ref.digest,
      source: this.source,
      bytes: this.#fill?.sizeBytes,
      durationMs: Math.round(clock.monotonicMs() - startedMs),
      attempt: this.#roster.attempts,
    }
    if (this.#refusal !== undefined) {
      log.info(facts, 'blob passed on')
      return
    }
    await onKept(ref)
    log.info(facts, 'blob fetched')
    if (!this.#isOpen) this.#advance(undefined)
  }

  /** Takes up what an earlier fetch has left. Returns true when that is the whole blob. */
  async #resume(): Promise<boolean> {
    const { confirm, store } = this.#deps
    const { ref, unkept } = this.#init
    if (unkept?.prefix !== undefined) {
      const { prefix } = unkept
      const { sizeBytes } = prefix.handle
      this.#fill = await PassingFill.start({ digest: ref.digest, sizeBytes, prefix, signal: this.#signal })
      this.#noteEarlierBytes(this.#fill)
    } else if (unkept === undefined) {
      const sizeBytes = await store.pausedSizeBytes(ref.digest)
      if (sizeBytes !== undefined) this.#fill = await this.#startFill(sizeBytes)
    }
    if (this.#fill === undefined || this.#fill.firstMissing() !== undefined) return false
    // No source is going to be asked.
    await confirm(ref, { signal: this.#signal })
    return this.#commit()
  }

  /** Returns true when the blob is complete thereby. */
  async #fetchFromNextSource(): Promise<boolean> {
    this.#signal.throwIfAborted()
    const source = this.#roster.next(this.#heldPieces())
    if (source === undefined) throw this.#roster.verdict()
    if (source.kind === 'search') {
      await abortable(this.#deps.network.search(), this.#signal)
      return false
    }
    if (source.kind === 'rest') {
      await sleep(this.#deps.clock, source.delayMs, this.#signal)
      return false
    }
    try {
      if (await this.#copyFrom(source)) {
        this.#roster.again()
        return false
      }
    } catch (error) {
      this.#signal.throwIfAborted()
      // The one reader of what isn't kept has gone.
      if (error instanceof FillEndedError) throw error
      if (isRefusedByStore(error)) await this.#leaveDisk(error)
      else this.#roster.failed(source, error)
      return false
    }
    return this.#fill?.firstMissing() === undefined && (await this.#commit())
  }

  /** How many pieces, from the first on, are here; the last doesn't count, as it isn't known to be right before the whole is. */
  #heldPieces(): number {
    const fill = this.#fill
    if (fill === undefined) return 0
    const { start } = fill.firstMissing() ?? { start: fill.sizeBytes }
    return Math.min(Math.floor(start / fill.pieceBytes), Math.ceil(fill.sizeBytes / fill.pieceBytes) - 1)
  }

  /** Resolves to whether a source has been left for a nearer one; it may be needed again. */
  #copyFrom(source: Source): Promise<boolean> {
    return copyFromSource(this.#deps, {
      ...{ source, ref: this.#init.ref, roster: this.#roster, signal: this.#signal },
      fill: this.#fill,
      heldPieces: () => this.#heldPieces(),
      isKept: () => this.#refusal === undefined,
      beginAsPeerSays: (sizeBytes, scope) => this.#beginOrKeep(sizeBytes, scope),
      beginAsUpstreamSays: (sizeBytes) => this.#beginAsUpstreamSays(sizeBytes),
    })
  }

  /** The fill to go on with; one of another size than a peer has told now stays what it is. */
  async #beginOrKeep(sizeBytes: number, scope: SourceScope): Promise<Fill> {
    const fill = this.#fill
    if (fill === undefined || fill.sizeBytes === sizeBytes) return this.#begin(sizeBytes, scope)
    this.#isSizeDisputed = true
    return fill
  }

  /** Upstream's word on the size weighs more than a peer's: a fill of another size is wrong and is replaced. */
  async #beginAsUpstreamSays(sizeBytes: number): Promise<Fill> {
    const fill = this.#fill
    if (fill === undefined || fill.sizeBytes === sizeBytes) return this.#begin(sizeBytes, 'upstream')
    const error = new BlobCorruptError(
      fill.digest,
      `unknown: it has ${sizeBytes} bytes, not ${fill.sizeBytes}`,
    )
    if (!this.#canStartOver(fill)) throw error
    this.#startOver()
    await fill.fail(error)
    return this.#begin(sizeBytes, 'upstream')
  }

  async #begin(sizeBytes: number, scope: SourceScope): Promise<Fill> {
    const { ref } = this.#init
    if (ref.kind === 'manifest' && sizeBytes > MAX_MANIFEST_BYTES) {
      throw new UpstreamProtocolError(
        `manifest ${ref.digest} has ${sizeBytes} bytes, allowed are ${MAX_MANIFEST_BYTES}`,
      )
    }
    this.#fill ??= await this.#startFill(sizeBytes)
    if (!this.#isOpen) {
      this.#source ??= scope
      this.#advance(this.#fill)
    }
    return this.#fill
  }

  /** A fill on disk; when the store has no place for the blob, one in memory. */
  async #startFill(sizeBytes: number): Promise<Fill> {
    if (this.#refusal !== undefined) return this.#startUnkept(sizeBytes, this.#refusal)
    try {
      if (!this.#deps.isToBeKept(this.#init.ref, sizeBytes)) throw new NotKeptError(this.#init.ref.digest)
      const fill = await this.#deps.store.startFill(this.#init.ref.digest, sizeBytes)
      this.#noteEarlierBytes(fill)
      return fill
    } catch (error) {
      if (!isRefusedByStore(error)) throw error
      this.#setRefused(error, sizeBytes)
      return this.#startUnkept(sizeBytes, error)
    }
  }

  async #startUnkept(sizeBytes: number, refusal: Error): Promise<Fill> {
    const { digest } = this.#init.ref
    const inMemory = this.#watchers.isEmpty ? undefined : this.#deps.unkept.startInMemory(digest, sizeBytes)
    if (inMemory !== undefined) return inMemory
    // A peer could not be given pieces: it asks elsewhere.
    if (!this.#watchers.has('client')) throw refusal
    this.#init.onPassing?.()
    return PassingFill.start({ digest, sizeBytes, signal: this.#signal })
  }

  #noteEarlierBytes(fill: Fill): void {
    const { start, end } = fill.firstMissing() ?? { start: 0, end: 0 }
    if (start > 0 || end < fill.sizeBytes) this.#roster.resumed()
  }

  #setRefused(error: Error, sizeBytes: number): void {
    this.#refusal = error
    this.#watchers.endGrace()
    const level = error instanceof NotKeptError ? 'debug' : 'warn'
    this.#deps.log[level]({ digest: this.#init.ref.digest, bytes: sizeBytes, err: error }, 'blob not kept')
  }

  /** The disk has refused in the middle. A small blob goes on in memory; readers of a large one go on by themselves. */
  async #leaveDisk(error: Error): Promise<void> {
    const fill = this.#fill
    if (fill === undefined || this.#refusal !== undefined) throw error
    this.#setRefused(error, fill.sizeBytes)
    const moved = this.#watchers.isEmpty ? undefined : await this.#deps.unkept.moveToMemory(fill, error)
    if (moved === undefined) throw error
    this.#roster.again()
    this.#fill = moved.fill
    if (!this.#isOpen) return
    this.#latest = this.#coming.promise
    this.#advance(moved.fill, moved.sameBytes)
  }

  /** Returns false when the bytes were wrong and the job starts over. */
  async #commit(): Promise<boolean> {
    const fill = this.#fill
    if (fill === undefined)
      throw new ContentUnavailableError(`no source began to give ${this.#init.ref.digest}`)
    try {
      await fill.commit()
      return true
    } catch (error) {
      // Who follows has all bytes, if they were found to be right.
      if (error instanceof FillWriteError) this.#setRefused(error, fill.sizeBytes)
      if (!(error instanceof BlobCorruptError)) throw error
      this.#roster.corrupted(error)
      this.#restarts += 1
      if (!this.#canStartOver(fill) || this.#restarts > MAX_RESTARTS) throw error
      this.#startOver()
      return false
    }
  }

  /** Whether a fill can be replaced without anybody noticing. */
  #canStartOver(fill: Fill): boolean {
    return !fill.exposed && this.#init.unkept?.prefix === undefined
  }

  #startOver(): void {
    this.#fill = undefined
    this.#source = undefined
    this.#isOpen = false
    this.#latest = this.#coming.promise
  }

  #advance(fill: Fill | undefined, sameBytes = 0): void {
    const begun = this.#coming
    this.#coming = Promise.withResolvers()
    this.#coming.promise.catch(() => {})
    this.#isOpen = true
    begun.resolve({ fill, sameBytes, next: this.#coming.promise })
  }

  /** Keeps what has come for the next fetch, if there is any use in it. */
  async #endFill(reason: Error): Promise<void> {
    const isDropped = this.isDeserted && this.#init.unwatched === 'drop'
    if (isDropped || this.#isSizeDisputed || spoilsFill(reason)) await this.#fill?.fail(reason)
    else await this.#fill?.pause(reason)
  }
}
