import { type BuiltIndex, pullImage } from '@layermesh/testkit'

import type { ScenarioName } from './cell.ts'
import { MIRROR_URL, type World } from './world.ts'

/** A pull that a client is going to make. */
export interface PlannedPull {
  readonly repository: string
  readonly image: BuiltIndex
}

/** What a client is put through. */
export interface Scenario {
  /** What is pulled. @default the tag */
  readonly byDigest?: boolean
  /** Whether the repositories are private, and clients log in. @default false */
  readonly isPrivate?: boolean
  /** Whether each client is to meet a node of its own, since the first would leave it in another state. @default false */
  readonly alone?: boolean
  /** Size of the image's largest layer, in bytes. @default {@link SMALL_LAYER_BYTES} */
  readonly layerBytes?: number
  /** Makes the world what clients are to meet, before the first of them pulls. */
  arrange(world: World, pulls: readonly PlannedPull[]): Promise<void>
}

/** The largest layer where it doesn't matter how large it is. */
export const SMALL_LAYER_BYTES = 64 * 1024

/** Large enough that half of it is more than the node holds back. */
const CUT_LAYER_BYTES = 8 * 1024 * 1024

/** What clients are put through. */
export const SCENARIO_BY_NAME: Readonly<Record<ScenarioName, Scenario>> = {
  tag: { arrange: async () => {} },
  digest: { byDigest: true, arrange: async () => {} },
  dead: {
    async arrange(world, pulls) {
      for (const { repository } of pulls) await warm(repository)
      await Promise.all([world.source.close(), world.registry.close()])
    },
  },
  stopped: { arrange: (world) => world.stopNode() },
  cut: {
    // A node leaves an endpoint alone that has broken off several times.
    alone: true,
    layerBytes: CUT_LAYER_BYTES,
    async arrange({ source }, pulls) {
      for (const { repository, image } of pulls) {
        const layer = image.images[0]?.layers.at(-1)
        const match = { kind: 'blob', repository, reference: layer?.descriptor.digest ?? '' } as const
        source.script({ match, action: { type: 'cut', afterBytes: CUT_LAYER_BYTES / 2 }, times: 1 })
        source.script({ match, action: { type: 'cut' } })
      }
    },
  },
  private: {
    isPrivate: true,
    async arrange(world, pulls) {
      // The node has all of it, but from a repository that anybody may pull.
      for (const { repository, image } of pulls) {
        const open = `${repository}-open`
        world.add(open, image)
        await warm(open)
      }
    },
  },
}

/** Has the node fetch an image, as another client would. */
async function warm(repository: string): Promise<void> {
  await pullImage({ url: MIRROR_URL, namespace: 'docker.io', repository, reference: 'v1' })
}
