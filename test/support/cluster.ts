import { fileURLToPath } from 'node:url'

import { NodeCluster } from '@layermesh/testkit'

const CLI = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url))

/** Image host by which clients of a test cluster name their images. It resolves to nothing, so nobody can go around the mirror. */
export const UPSTREAM_HOST = 'origin.test'

/** Options of a {@link Cluster}. */
export interface ClusterInit {
  /** Folder for everything that the nodes write. */
  readonly dir: string
  /** Base URL of the registry behind {@link UPSTREAM_HOST}. */
  readonly upstreamUrl: string
}

/** Nodes that run the command of this workspace. */
export class Cluster extends NodeCluster {
  constructor({ dir, upstreamUrl }: ClusterInit) {
    super({
      command: [process.execPath, CLI, 'serve'],
      dir,
      upstream: { host: UPSTREAM_HOST, url: upstreamUrl },
    })
  }
}
