import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Locality } from '@layermesh/interface'

import { type NodeProcess, spawnNode, type WaitOptions } from './node-process.ts'
import { until } from './until.ts'

// A machine that is busy with other things must not look like a peer that has died.
const STALL_TIMEOUT = '10s'

/** What all nodes of a cluster are started with. */
export interface NodeClusterInit {
  /** The command that runs a node, without options: `[process.execPath, '…/main.ts', 'serve']`. */
  readonly command: readonly string[]
  /** Folder for everything that the nodes write; made and removed by the caller. */
  readonly dir: string
  /** The one registry that the nodes mirror: the host that its images are named by, and its base URL. */
  readonly upstream: { readonly host: string; readonly url: string }
}

/** Options of {@link NodeCluster.addNode}. */
export interface ClusterNodeOptions {
  /** @default that of the configuration */
  readonly locality?: Locality
  /** Ends the start. */
  readonly signal?: AbortSignal | undefined
}

/** Nodes in processes of their own on this machine that share a secret; they find each other through the first one. */
export class NodeCluster implements AsyncDisposable {
  readonly #init: NodeClusterInit
  readonly #secret = randomUUID()
  readonly #nodes: NodeProcess[] = []
  readonly #starts = new Set<Promise<NodeProcess>>()
  readonly #stopping = new AbortController()

  constructor(init: NodeClusterInit) {
    this.#init = init
  }

  /** The nodes that serve, in the order in which they came to. */
  get nodes(): readonly NodeProcess[] {
    return this.#nodes
  }

  /**
   * Starts a node and waits until it and the nodes that serve already know each other. Once the first node serves,
   * others can be added at the same time.
   */
  async addNode(name: string, options: ClusterNodeOptions = {}): Promise<NodeProcess> {
    const signal = AbortSignal.any([this.#stopping.signal, ...(options.signal ? [options.signal] : [])])
    const start = this.#spawn(name, { ...options, signal })
    this.#starts.add(start)
    const node = await start.finally(() => this.#starts.delete(start))
    const others = [...this.#nodes]
    this.#nodes.push(node)
    await Promise.all(
      others.flatMap((other) => [whenJoined(node, other, { signal }), whenJoined(other, node, { signal })]),
    )
    return node
  }

  /** Ends all nodes, also those that don't serve yet. SIGKILL is for when nothing of theirs is needed any more. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#stopping.abort(new Error('the cluster is being stopped'))
    await Promise.allSettled(this.#starts)
    await Promise.all(this.#nodes.map((node) => node.stop(signal)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #spawn(name: string, { locality, signal }: ClusterNodeOptions): Promise<NodeProcess> {
    const { command, upstream } = this.#init
    const dir = join(this.#init.dir, name)
    await mkdir(dir, { recursive: true })
    const secretFile = join(dir, 'secret')
    await writeFile(secretFile, this.#secret, { mode: 0o600 })
    return spawnNode({
      command,
      dir,
      signal,
      config: {
        node: { name, dataDir: join(dir, 'data') },
        ...(locality && { locality }),
        mirror: { listen: ['127.0.0.1:0'], defaultUpstream: upstream.host },
        admin: { listen: '127.0.0.1:0' },
        // Their data is gone soon, however full the disk of this machine is.
        cache: { minFreeBytes: '0B' },
        mesh: {
          listen: ['/ip4/127.0.0.1/tcp/0'],
          mdns: false,
          secretFile,
          bootstrap: this.#nodes.slice(0, 1).flatMap((first) => first.meshAddresses),
          stallTimeout: { site: STALL_TIMEOUT, beyond: STALL_TIMEOUT },
        },
        upstreams: [{ host: upstream.host, endpoints: [upstream.url] }],
      },
    })
  }
}

/** Resolves once `observer` knows that `holder` holds at least `blobs` blobs, manifests included. */
export async function whenHoldingsKnown(
  observer: NodeProcess,
  holder: NodeProcess,
  blobs: number,
  options: WaitOptions = {},
): Promise<void> {
  await until(async () => {
    const peers = await observer.peers(options)
    return peers.some(({ peerId, holds }) => peerId === holder.peerId && holds.blobs >= blobs)
  }, options)
}

async function whenJoined(observer: NodeProcess, peer: NodeProcess, options: WaitOptions): Promise<void> {
  await observer.waitForLog((line) => line.msg === 'peer joined' && line['peer'] === peer.peerId, options)
}
