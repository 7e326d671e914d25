import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import type { PeerStatus } from '@layermesh/interface'
import { type NodeProcess, spawnNode } from '@layermesh/testkit'
import { request } from 'undici'

const CLI = createRequire(import.meta.url).resolve('layermesh')

/** Image host by which clients of a test cluster name their images. It resolves to nothing, so nobody can go around the mirror. */
export const UPSTREAM_HOST = 'origin.test'

/** Options of a {@link Cluster}. */
export interface ClusterInit {
  /** Folder for everything that the nodes write. */
  readonly dir: string
  /** Base URL of the registry behind {@link UPSTREAM_HOST}. */
  readonly upstreamUrl: string
}

/** Nodes in processes of their own that share a secret. */
export class Cluster implements AsyncDisposable {
  readonly nodes: NodeProcess[] = []
  readonly #init: ClusterInit

  constructor(init: ClusterInit) {
    this.#init = init
  }

  /** Starts a node that knows the first one, and waits until it is connected to every other. */
  async addNode(name: string, settings: { readonly locality?: { region: string; site: string } } = {}): Promise<NodeProcess> {
    const dir = join(this.#init.dir, name)
    await mkdir(dir, { recursive: true })
    const secretFile = join(this.#init.dir, 'secret')
    await writeFile(secretFile, 'the secret of a test cluster', { mode: 0o600 })
    const node = await spawnNode({
      command: [process.execPath, CLI, 'serve'],
      dir,
      config: {
        node: { name, dataDir: join(dir, 'data') },
        ...settings,
        mirror: { listen: ['127.0.0.1:0'], defaultUpstream: UPSTREAM_HOST },
        admin: { listen: '127.0.0.1:0' },
        mesh: {
          listen: ['/ip4/127.0.0.1/tcp/0'],
          mdns: false,
          secretFile,
          bootstrap: this.nodes.slice(0, 1).flatMap((first) => first.meshAddresses),
          // A machine that is busy with other things must not look like a peer that has died.
          stallTimeout: { site: '10s', beyond: '10s' },
        },
        upstreams: [{ host: UPSTREAM_HOST, endpoints: [this.#init.upstreamUrl] }],
      },
    })
    const others = this.nodes.map((other) => other.peerId)
    this.nodes.push(node)
    for (const peer of others) await node.waitForLog((line) => line.msg === 'peer joined' && line['peer'] === peer)
    return node
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
  }
}

/** Resolves once `observer` knows that `holder` holds at least `blobs` blobs. */
export async function whenHoldingsKnown(observer: NodeProcess, holder: NodeProcess, blobs: number): Promise<void> {
  for (;;) {
    const response = await request(`${observer.adminUrl}/api/v1/peers`)
    const peers = (await response.body.json()) as PeerStatus[]
    if (peers.some((peer) => peer.peerId === holder.peerId && peer.holds.blobs >= blobs)) return
  }
}
