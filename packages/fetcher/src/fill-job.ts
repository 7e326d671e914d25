import { abortable } from '@layermesh/async'
import type { Exchange } from '@layermesh/exchange'
import {
  BlobCorruptError,
  type BlobHandle,
  type BlobStore,
  type ByteSource,
  type Clock,
  ContentUnavailableError,
  type ContentRef,
  type Fill,
  FillEndedError,
  FillWriteError,
  type LinkClass,
  type SourceScope,
  UpstreamProtocolError,
  type UpstreamClient,
} from '@layermesh/interface'
import { MAX_MANIFEST_BYTES } from '@layermesh/oci'

import { copyFromPeer } from './copy-from-peer.ts'
import { copyFromUpstream } from './copy-from-upstream.ts'
import type { Source } from './source-plan.ts'
import { SourceRoster, type SourceRosterDeps } from './source-roster.ts'

/** Collaborators of every fill job of a node. */
export interface FillJobDeps extends SourceRosterDeps {
  readonly store: BlobStore
  readonly upstream: UpstreamClient
  readonly peers: Pick<Exchange, 'open'>
  readonly clock: Clock
  /** Counts bytes as they come. */
  readonly onFetched: (source: SourceScope, bytes: number) => void
}

/** What a job is to get. */
export interface FillJobInit {
  readonly ref: ContentRef
  readonly sources: readonly SourceScope[]
  /** The scope that the job fetches for as a lead; undefined when only this node's clients want the blob. */
  readonly leadScope?: LinkClass | undefined
  /** Ends the job; readers and waiters get its reason. */
  readonly signal: AbortSignal
}

/**
 * One of the fills that a job goes through. There is a further one only when the bytes of the last turned out to be
 * wrong before any reader had seen one.
 */
export interface FillGeneration {
  /** Undefined when the blob was on disk before the job began. */
  readonly fill: Fill | undefined
  /** The generation that replaces this one; rejects when the job ends without one. */
  readonly next: Promise<FillGeneration>
}

/** A generation that is being read. */
export interface OpenGeneration {
  readonly fill: Fill
  readonly handle: BlobHandle
  readonly next: Promise<FillGeneration>
}

/** How many times a job starts over because the bytes were wrong. */
const MAX_RESTARTS = 3

/** Gets one blob onto this node's disk, from whichever source gives it. No reader's leaving stops it. */
export class FillJob {
  /** Resolves when the blob is committed; rejects when no source could give it. */
  readonly done: Promise<void>
  readonly #deps: FillJobDeps
  readonly #init: FillJobInit
  readonly #roster: SourceRoster
  /** The generation that is under way, or the one that is awaited. */
  #latest: Promise<FillGeneration>
  #coming = Promise.withResolvers<FillGeneration>()
  #fill: Fill | undefined
  #restarts = 0
  #source: ByteSource | undefined

  constructor(deps: FillJobDeps, init: FillJobInit) {
    this.#deps = deps
    this.#init = init
    this.#roster = new SourceRoster(deps, {
      digest: init.ref.digest,
      sources: init.sources,
      leadScope: init.leadScope,
    })
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

  /** The job's generation, once a source has told the blob's size. `signal` ends the waiting only. */
  whenBegun(signal?: AbortSignal): Promise<FillGeneration> {
    return abortable(this.#latest, signal)
  }

  /** Opens the blob as it comes, once its size is known; undefined when it is on disk by then. */
  async follow(signal?: AbortSignal): Promise<OpenGeneration | undefined> {
    const { fill, next } = await this.whenBegun(signal)
    if (fill === undefined) return undefined
    try {
      return { fill, handle: fill.open(), next }
    } catch (error) {
      if (!(error instanceof FillEndedError)) throw error
      await abortable(this.done, signal)
      return undefined
    }
  }

  /** Whether the job asks where `ref` says; what upstream answers to another repository, or of another kind, is no answer to `ref`. */
  isFor({ kind, upstream, repository }: ContentRef): boolean {
    const { ref } = this.#init
    return ref.kind === kind && ref.upstream === upstream && ref.repository === repository
  }

  /** Makes the job fetch as the lead of `scope` too; false when it can't (see {@link SourceRoster.leadFor}). */
  leadFor(scope: LinkClass): boolean {
    return this.#roster.leadFor(scope)
  }

  async #run(): Promise<void> {
    try {
      // Another job may have ended between a caller's look at the store and now.
      if ((await this.#deps.store.stat(this.#init.ref.digest)) === undefined) await this.#fetch()
      else this.#advance(undefined)
    } catch (error) {
      const reason =
        error instanceof Error ? error : new ContentUnavailableError('the fetch failed', { cause: error })
      this.#coming.reject(reason)
      await this.#fill?.fail(reason)
      throw reason
    } finally {
      this.#coming.reject(new ContentUnavailableError(`the fetch of ${this.#init.ref.digest} has ended`))
    }
  }

  async #fetch(): Promise<void> {
    const { clock, log } = this.#deps
    const startedMs = clock.monotonicMs()
    for (;;) {
      this.#init.signal.throwIfAborted()
      const source = this.#roster.next()
      if (source === undefined) throw this.#roster.verdict()
      try {
        await this.#copyFrom(source)
      } catch (error) {
        this.#init.signal.throwIfAborted()
        if (error instanceof FillWriteError) throw error
        this.#roster.failed(source, error)
        continue
      }
      const sizeBytes = await this.#commit()
      if (sizeBytes === undefined) continue
      const durationMs = Math.round(clock.monotonicMs() - startedMs)
      const { digest } = this.#init.ref
      log.info(
        { digest, source: this.source, bytes: sizeBytes, durationMs, attempt: this.#roster.attempts },
        'blob fetched',
      )
      return
    }
  }

  async #copyFrom(source: Source): Promise<void> {
    const { ref, signal } = this.#init
    const scope: SourceScope = source.kind === 'upstream' ? 'upstream' : source.link
    const onBytes = (count: number) => {
      this.#roster.contributed(source)
      this.#deps.onFetched(scope, count)
    }
    if (source.kind === 'upstream') {
      const begin = (sizeBytes: number) => this.#beginAsUpstreamSays(sizeBytes)
      await copyFromUpstream({ upstream: this.#deps.upstream, ref, fill: this.#fill, begin, onBytes, signal })
      return
    }
    const request = source.kind === 'lead' ? { ref, leadScope: source.scope } : { ref }
    await using transfer = await this.#deps.peers.open(source.peer, request, { signal })
    const fill = this.#fill ?? (await this.#begin(transfer.sizeBytes, scope))
    await copyFromPeer({ transfer, fill, onBytes, signal })
    // An empty blob has no bytes that could tell who is to blame if it is not empty.
    if (fill.sizeBytes === 0) this.#roster.contributed(source)
  }

  /** Upstream's word on the size weighs more than a peer's: a fill of another size is wrong and is replaced. */
  async #beginAsUpstreamSays(sizeBytes: number): Promise<Fill> {
    const fill = this.#fill
    if (fill === undefined) return this.#begin(sizeBytes, 'upstream')
    if (fill.sizeBytes === sizeBytes) return fill
    const error = new BlobCorruptError(
      fill.digest,
      `unknown: it has ${sizeBytes} bytes, not ${fill.sizeBytes}`,
    )
    if (fill.exposed) throw error
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
    this.#fill = await this.#deps.store.startFill(ref.digest, sizeBytes)
    this.#source ??= scope
    this.#advance(this.#fill)
    return this.#fill
  }

  /** Returns the size of the blob, or undefined when its bytes were wrong and the job starts over. */
  async #commit(): Promise<number | undefined> {
    const fill = this.#fill
    if (fill === undefined)
      throw new ContentUnavailableError(`no source began to give ${this.#init.ref.digest}`)
    try {
      return (await fill.commit()).sizeBytes
    } catch (error) {
      if (!(error instanceof BlobCorruptError)) throw error
      this.#roster.corrupted(error)
      this.#restarts += 1
      if (fill.exposed || this.#restarts > MAX_RESTARTS) throw error
      this.#startOver()
      return undefined
    }
  }

  #startOver(): void {
    this.#fill = undefined
    this.#source = undefined
    this.#latest = this.#coming.promise
  }

  #advance(fill: Fill | undefined): void {
    const begun = this.#coming
    this.#coming = Promise.withResolvers()
    this.#coming.promise.catch(() => {})
    begun.resolve({ fill, next: this.#coming.promise })
  }
}
