import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import {
  type BuiltIndex,
  type LoggedRequest,
  type NodeProcess,
  type OriginLogin,
  type OriginRegistry,
  type ServerIdentity,
  spawnNode,
  startOrigin,
} from '@layermesh/testkit'

import type { RequestCounts } from './cell.ts'

const CLI = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url))

/** Where the files of `deploy/` say that the mirror is; nothing else listens in the sandbox. */
const MIRROR = '127.0.0.1:5000'

/** Base URL of the mirror in every world. */
export const MIRROR_URL = `http://${MIRROR}`

/** Who may pull what is private. */
export const LOGIN: OriginLogin = { username: 'alice', password: 'wonderland' }

/** What the mirror says in its log about a request that it has answered. */
const ANSWERED = ['pull served', 'pull refused', 'reply cut', 'client hung up']

/** Options of {@link openWorld}. */
export interface WorldInit {
  /** Folder for what the node writes; made when it isn't there. */
  readonly dir: string
  /** By which the registry proves that it is Docker Hub. */
  readonly tls: ServerIdentity
  readonly privateRepositories: readonly string[]
}

/**
 * A node that mirrors Docker Hub, and the registry that clients take for Docker Hub. The node has its own way to the same content, so that
 * what it suffers, clients that go to the registry don't.
 */
export class World implements AsyncDisposable {
  /** Where the node gets content from. */
  readonly source: OriginRegistry
  /** Where clients go when the mirror fails them. */
  readonly registry: OriginRegistry
  readonly node: NodeProcess
  #isNodeUp = true
  #settles = 0

  constructor(source: OriginRegistry, registry: OriginRegistry, node: NodeProcess) {
    this.source = source
    this.registry = registry
    this.node = node
  }

  /** Puts an image into Docker Hub, by tag `v1`. */
  add(repository: string, image: BuiltIndex): void {
    for (const origin of [this.source, this.registry]) origin.add(repository, image, { tag: 'v1' })
  }

  async stopNode(): Promise<void> {
    this.#isNodeUp = false
    await this.node.stop()
  }

  /** What has been asked for in a repository up to now, each server by its own log. */
  async counts(repository: string): Promise<Record<'mirror' | 'source' | 'registry', RequestCounts>> {
    await this.#settled()
    const lines = this.node.log.filter(
      (line) => ANSWERED.includes(line.msg) && line['repository'] === repository,
    )
    return {
      mirror: {
        requests: lines.length,
        succeeded: lines.filter(({ status }) => isSuccess(Number(status))).length,
        bytes: lines.reduce((sum, { bytes }) => sum + Number(bytes), 0),
      },
      source: countsOf(this.source, repository),
      registry: countsOf(this.registry, repository),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.node.stop('SIGKILL'), this.source.close(), this.registry.close()])
  }

  /** Resolves when the node's log has everything that it has answered before. */
  async #settled(): Promise<void> {
    if (!this.#isNodeUp) return
    const repository = `library/settle-${(this.#settles += 1)}`
    const response = await fetch(`${MIRROR_URL}/v2/docker.io/${repository}/manifests/none`)
    await response.text()
    await this.node.waitForLog((line) => line['repository'] === repository && ANSWERED.includes(line.msg))
  }
}

/** Starts a world. */
export async function openWorld({ dir, tls, privateRepositories }: WorldInit): Promise<World> {
  await mkdir(dir, { recursive: true })
  const options = { auth: 'bearer', login: LOGIN, privateRepositories } as const
  const source = await startOrigin(options)
  const registry = await startOrigin({ ...options, port: 443, tls })
  const node = await spawnNode({
    command: [process.execPath, CLI, 'serve'],
    dir,
    config: {
      node: { name: 'clients', dataDir: join(dir, 'data') },
      log: { level: 'debug' },
      mirror: { listen: [MIRROR] },
      admin: { listen: '127.0.0.1:0' },
      mesh: { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false },
      cache: { minFreeBytes: '0B' },
      // Each pull by tag is to ask the registry, so that a dead one is noticed.
      upstreams: [{ host: 'docker.io', endpoints: [source.url], tags: { revalidateAfter: '0s' } }],
    },
  })
  return new World(source, registry, node)
}

function countsOf({ requests }: OriginRegistry, repository: string): RequestCounts {
  const ofContent = requests.filter(
    (request) =>
      request.repository === repository && (request.kind === 'manifest' || request.kind === 'blob'),
  )
  return {
    requests: ofContent.length,
    succeeded: ofContent.filter(({ status }) => isSuccess(status)).length,
    bytes: ofContent.filter(hasContent).reduce((sum, { bytesSent }) => sum + bytesSent, 0),
  }
}

function hasContent({ status }: LoggedRequest): boolean {
  return isSuccess(status)
}

function isSuccess(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300
}
