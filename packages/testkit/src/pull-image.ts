import { Agent, type IncomingMessage, request } from 'node:http'
import { buffer } from 'node:stream/consumers'

import type { Digest } from '@layermesh/interface'
import {
  createDigestHash,
  digestAlgorithm,
  digestOf,
  MANIFEST_ACCEPT,
  parseDigest,
  referencesOf,
} from '@layermesh/oci'

/** Blobs that a pull fetches at the same time: as many as containerd's CRI plugin does. */
export const DEFAULT_PULL_CONCURRENCY = 3

/** How often containerd asks for the rest of a blob without getting a byte of it before it gives up. */
const MAX_TRIES_WITHOUT_PROGRESS = 3

/** What is to be pulled, and from where. */
export interface PullOptions {
  /** Base URL of a mirror or a registry. */
  readonly url: string
  /** Image host, sent as `?ns=` as containerd does; left out towards a registry. */
  readonly namespace?: string
  /**
   * Base URL of the registry behind the mirror. Each request that the mirror doesn't answer with success goes there, and a blob
   * that breaks off is asked for again from where it broke off, as containerd does. @default none: the pull fails
   */
  readonly fallbackUrl?: string
  readonly repository: string
  /** Tag or digest. */
  readonly reference: string
  /** @default {@link DEFAULT_PULL_CONCURRENCY} */
  readonly concurrency?: number
  /** Blobs that the client has from earlier pulls and doesn't fetch again. @default none */
  readonly known?: ReadonlySet<Digest>
  /** Called with each chunk's length as blobs come. */
  readonly onBytes?: (count: number) => void
  readonly signal?: AbortSignal | undefined
}

/** What a pull has received; every digest has been verified. */
export interface PullResult {
  readonly digest: Digest
  /** Digests of all manifests and blobs, the image's own first. */
  readonly digests: readonly Digest[]
  /** Bytes of all manifests and blobs. */
  readonly bytes: number
}

/**
 * Pulls an image as containerd does: HEAD of the tag, GET of the manifests by digest, then the blobs, some at a time.
 * Keeps nothing. Rejects on any status but 200, any wrong digest and any reply that ends early, unless the fallback
 * makes up for it; a wrong digest is never made up for.
 */
export async function pullImage(options: PullOptions): Promise<PullResult> {
  const agent = new Agent({ keepAlive: true })
  try {
    return await new Pull(options, agent).run()
  } finally {
    agent.destroy()
  }
}

class Pull {
  readonly #options: PullOptions
  readonly #agent: Agent
  readonly #sizes = new Map<Digest, number>()

  constructor(options: PullOptions, agent: Agent) {
    this.#options = options
    this.#agent = agent
  }

  async run(): Promise<PullResult> {
    const { concurrency = DEFAULT_PULL_CONCURRENCY, known } = this.#options
    const digest = await this.#resolve()
    const blobs = new Set<Digest>()
    const manifests = [digest]
    for (const manifest of manifests) {
      const { manifests: children, config, layers } = referencesOf(await this.#getManifest(manifest))
      for (const child of children) manifests.push(child.digest)
      const needed = config === undefined ? layers : [config, ...layers]
      for (const { digest: blob } of needed) if (!known?.has(blob)) blobs.add(blob)
    }
    const queue = blobs.values()
    const workers = Array.from({ length: concurrency }, async () => {
      for (const blob of queue) await this.#getBlob(blob)
    })
    await Promise.all(workers)
    const bytes = this.#sizes.values().reduce((sum, size) => sum + size, 0)
    return { digest, digests: [...this.#sizes.keys()], bytes }
  }

  async #resolve(): Promise<Digest> {
    const { reference } = this.#options
    if (reference.includes(':')) return parseDigest(reference)
    const response = await this.#request('HEAD', `manifests/${reference}`)
    response.resume()
    return parseDigest(String(response.headers['docker-content-digest']))
  }

  async #getManifest(digest: Digest): Promise<Uint8Array> {
    const bytes = await buffer(await this.#request('GET', `manifests/${digest}`))
    this.#verified(digest, digestOf(bytes, digestAlgorithm(digest)), bytes.length)
    return bytes
  }

  async #getBlob(digest: Digest): Promise<void> {
    const hash = createDigestHash(digestAlgorithm(digest))
    let size = 0
    for (let tries = 0; ; tries += 1) {
      const sizeBefore = size
      try {
        const response = await this.#request('GET', `blobs/${digest}`, size)
        for await (const chunk of response as AsyncIterable<Buffer>) {
          hash.update(chunk)
          size += chunk.length
          this.#options.onBytes?.(chunk.length)
        }
        break
      } catch (error) {
        if (size > sizeBefore) tries = 0
        if (this.#options.fallbackUrl === undefined || tries >= MAX_TRIES_WITHOUT_PROGRESS) throw error
        this.#options.signal?.throwIfAborted()
      }
    }
    this.#verified(digest, hash.digest(), size)
  }

  #verified(wanted: Digest, actual: Digest, size: number): void {
    if (actual !== wanted) throw new Error(`${this.#options.url} has sent ${actual} for ${wanted}`)
    this.#sizes.set(wanted, size)
  }

  /** Asks the mirror and then, should it not answer with success, the registry behind it. */
  async #request(method: 'GET' | 'HEAD', path: string, offset = 0): Promise<IncomingMessage> {
    const { fallbackUrl, namespace, repository, signal, url } = this.#options
    const target = new URL(`/v2/${repository}/${path}`, url)
    if (namespace !== undefined) target.searchParams.set('ns', namespace)
    try {
      return await this.#ask(method, target, offset)
    } catch (error) {
      if (fallbackUrl === undefined) throw error
      signal?.throwIfAborted()
      return this.#ask(method, new URL(target.pathname, fallbackUrl), offset)
    }
  }

  async #ask(method: 'GET' | 'HEAD', target: URL, offset: number): Promise<IncomingMessage> {
    const { signal } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const headers = {
      accept: `${MANIFEST_ACCEPT}, */*`,
      ...(offset > 0 && { range: `bytes=${offset}-` }),
    }
    const outgoing = request(
      target,
      { method, headers, agent: this.#agent, ...(signal && { signal }) },
      resolve,
    )
    outgoing.on('error', reject)
    outgoing.end()
    const response = await promise
    if (response.statusCode === (offset > 0 ? 206 : 200)) return response
    response.resume()
    throw new Error(`${method} ${target.href} was answered ${response.statusCode ?? 0}`)
  }
}
