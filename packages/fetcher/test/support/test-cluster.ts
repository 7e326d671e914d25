import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { openStorage, type Storage } from '@layermesh/blob-store'
import { createDirectory } from '@layermesh/directory'
import { type ContentProvider, createExchange, type ProvidedContent } from '@layermesh/exchange'
import {
  type Clock,
  type ContentKind,
  type ContentRef,
  type Descriptor,
  type Digest,
  type Directory,
  type FetchedBlob,
  type Locality,
  type Log,
  silentLog,
  systemClock,
} from '@layermesh/interface'
import { createUpstreamClient } from '@layermesh/registry-client'
import { createMetrics } from '@layermesh/telemetry'
import {
  createMemoryMesh,
  createTempDir,
  type MemoryPeerNetwork,
  type MemoryMesh,
  type MemoryMeshInit,
  type OriginOptions,
  type OriginRegistry,
  seededRandom,
  startOrigin,
  type TempDir,
  until,
} from '@layermesh/testkit'

import { Fetcher, type FetcherInit } from '../../src/index.ts'
import { MemoryLinkStore } from './memory-link-store.ts'
import { ScriptedStore } from './scripted-store.ts'

/** Host by which the origin is known to the nodes. */
export const UPSTREAM = 'origin.test'

/** Repository that everything in the origin belongs to. */
export const REPOSITORY = 'library/fetched'

/** A node without its doors: everything that the fetcher works with is real but the wire between peers. */
export interface TestNode {
  readonly fetcher: Fetcher
  readonly storage: Storage
  readonly dataDir: string
  /** What the fetcher has for a store: the one of `storage`, with a script. */
  readonly store: ScriptedStore
  readonly links: MemoryLinkStore
  readonly metricsText: () => Promise<string>
  readonly directory: Directory
  readonly network: MemoryPeerNetwork
}

/** Settings that a test may change. */
export interface TestNodeInit {
  readonly locality?: Locality
  readonly sources?: FetcherInit['sources']
  readonly unwatchedFills?: FetcherInit['unwatchedFills']
  /** The budget of the store. @default none */
  readonly maxBytes?: number
  /** @default the machine's clock */
  readonly fetcherClock?: Clock
  /** @default one that says nothing */
  readonly fetcherLog?: Log
  /** Transfers that the node serves at a time. @default as many as the exchange does */
  readonly maxTransfers?: number
  readonly revalidateAfterMs?: number
  readonly serveStaleForMs?: number
  readonly immutable?: readonly RegExp[]
  readonly rules?: FetcherInit['rules']
  /** What the node can log in with at the origin. @default nothing */
  readonly login?: { readonly username: string; readonly password: string }
}

/** Nodes in one process, and the origin behind them. Dispose of it at the end. */
export class TestCluster implements AsyncDisposable {
  readonly origin: OriginRegistry
  readonly #temp: TempDir
  readonly #mesh: MemoryMesh
  readonly #stack = new AsyncDisposableStack()
  #clockSkewMs = 0

  private constructor(origin: OriginRegistry, temp: TempDir, mesh: MemoryMesh) {
    this.origin = origin
    this.#temp = temp
    this.#mesh = mesh
  }

  static async create(
    origin: OriginOptions = {},
    mesh: Pick<MemoryMeshInit, 'authenticated'> = {},
  ): Promise<TestCluster> {
    return new TestCluster(await startOrigin(origin), await createTempDir(), createMemoryMesh(mesh))
  }

  /** Moves the nodes' wall clock on; timers go on as ever. */
  advanceWallClock(ms: number): void {
    this.#clockSkewMs += ms
  }

  /** Cuts the links between groups of nodes; without groups, ends that. */
  partition(...groups: readonly (readonly TestNode[])[]): void {
    this.#mesh.partition(...groups.map((nodes) => nodes.map(({ network }) => network.self.peer)))
  }

  async addNode(name: string, init: TestNodeInit = {}): Promise<TestNode> {
    const clock = { ...systemClock, now: () => systemClock.now() + this.#clockSkewMs }
    const metrics = createMetrics()
    const common = { clock, log: silentLog, metrics }
    const dataDir = join(this.#temp.path, name)
    const limits = { maxBytes: init.maxBytes ?? Infinity, minFreeBytes: 0 }
    const storage = await openStorage(common, { dataDir, limits })
    this.#stack.defer(() => storage.close())
    const credentials = init.login === undefined ? {} : await this.#writeLogin(name, init.login)
    const upstream = createUpstreamClient(
      { ...common, random: seededRandom(1) },
      {
        upstreams: [{ host: UPSTREAM, endpoints: [this.origin.url], credentials }],
        version: '0',
        headersTimeoutMs: 5_000,
      },
    )
    this.#stack.defer(() => upstream.close())
    const locality = init.locality ?? { region: 'eu', site: 'paris' }
    const network = this.#mesh.join({ name, version: '0', locality })
    this.#stack.defer(() => network.leave())
    const directory = createDirectory({ ...common, network }, { batchDelayMs: 1 })
    storage.blobs.watch({
      added: ({ digest, sizeBytes }) => directory.announce(digest, sizeBytes),
      removed: (digest) => directory.withdraw(digest),
    })
    await directory.start()
    this.#stack.defer(() => directory.stop())
    const stallTimeoutMs = { site: 10_000, region: 10_000, world: 10_000 }
    const exchange = createExchange(
      { ...common, network },
      { stallTimeoutMs, waitIntervalMs: 20, ...(init.maxTransfers && { maxTransfers: init.maxTransfers }) },
    )
    const { revalidateAfterMs = 60_000, serveStaleForMs = 3_600_000, immutable = [] } = init
    const store = new ScriptedStore(storage.blobs)
    const links = new MemoryLinkStore()
    const fetcher = new Fetcher(
      {
        ...common,
        clock: init.fetcherClock ?? clock,
        log: init.fetcherLog ?? silentLog,
        store,
        links,
        tags: storage.tags,
        upstream,
        peers: exchange,
        network,
        directory,
        random: seededRandom(2),
      },
      {
        sources: init.sources ?? ['site', 'region', 'world', 'upstream'],
        unwatchedFills: init.unwatchedFills ?? 'finish',
        rules: init.rules ?? [],
        tagPolicyOf: () => ({ revalidateAfterMs, serveStaleForMs, immutable }),
      },
    )
    this.#stack.defer(() => fetcher.stop())
    await exchange.serve(fetcher.provider)
    this.#stack.defer(() => exchange.stop())
    return { fetcher, storage, dataDir, store, links, directory, network, metricsText: () => metrics.text() }
  }

  /** Adds a peer that announces `announced` and gives what `provider` says. */
  async addScriptedPeer(
    name: string,
    announced: Descriptor,
    provider: ContentProvider['provide'],
  ): Promise<MemoryPeerNetwork> {
    const common = { clock: systemClock, log: silentLog, metrics: createMetrics() }
    const network = this.#mesh.join({ name, version: '0', locality: { region: 'eu', site: 'paris' } })
    this.#stack.defer(() => network.leave())
    const directory = createDirectory({ ...common, network }, { batchDelayMs: 1 })
    directory.announce(announced.digest, announced.sizeBytes)
    await directory.start()
    this.#stack.defer(() => directory.stop())
    const exchange = createExchange({ ...common, network })
    await exchange.serve({ provide: provider, findTag: async () => undefined })
    this.#stack.defer(() => exchange.stop())
    return network
  }

  async #writeLogin(name: string, { username, password }: NonNullable<TestNodeInit['login']>) {
    const passwordFile = join(this.#temp.path, `${name}.password`)
    await writeFile(passwordFile, password)
    return { username, passwordFile }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
    await this.origin.close()
    await this.#temp[Symbol.asyncDispose]()
  }
}

/** A reference to content of the origin. */
export function refTo(digest: Digest, kind: ContentKind = 'blob'): ContentRef {
  return { upstream: UPSTREAM, repository: REPOSITORY, kind, digest }
}

/** Copies what is read to its end. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = []
  for await (const chunk of chunks) copies.push(Buffer.from(chunk))
  return Buffer.concat(copies)
}

/** Reads a blob to its end and disposes of it. */
export async function readAll(blob: FetchedBlob): Promise<Buffer> {
  await using opened = blob
  return await collect(opened.read())
}

/** Resolves once `node` knows that somebody holds `digest`. */
export async function whenHolderKnown(node: TestNode, digest: Digest): Promise<void> {
  await until(async () => node.directory.holders(digest).length > 0)
}

/** Content that consists of `pieces`, each said to have the hash that it has; `piece` may fail or wait. */
export function providedPieces(
  pieces: readonly Uint8Array[],
  init: { readonly pieceBytes: number; readonly beforePiece?: (index: number) => Promise<void> },
): ProvidedContent {
  return {
    sizeBytes: pieces.reduce((sum, piece) => sum + piece.length, 0),
    pieceBytes: init.pieceBytes,
    complete: true,
    async piece(index) {
      await init.beforePiece?.(index)
      const bytes = pieces[index] ?? new Uint8Array()
      const sha256 = createHash('sha256').update(bytes).digest()
      return {
        sha256,
        async *read() {
          yield bytes
        },
      }
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** Cuts bytes as a peer does. */
export function piecesOf(bytes: Uint8Array, pieceBytes: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, index) =>
    bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes),
  )
}
