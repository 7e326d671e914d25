import { join } from 'node:path'

import { buildahPull, podmanPull, skopeoPull, writeRegistriesConf } from './containers-image.ts'
import type { ImageClient, ImageClientInit, PullOptions } from './image-client.ts'

/** One pull by one of these clients, into a storage of its own. */
interface Pull extends PullOptions {
  readonly reference: string
  readonly dir: string
  readonly registriesConf: string
  readonly launcher: readonly string[]
}

/** `skopeo copy` into a folder, with the registries.conf of `deploy/`. */
export function skopeoClient(init: ImageClientInit): Promise<ImageClient> {
  return startClient(init, ({ reference, ...options }) => skopeoPull(reference, options))
}

/** `podman pull`, with the registries.conf of `deploy/`. */
export function podmanClient(init: ImageClientInit): Promise<ImageClient> {
  return startClient(init, async ({ reference, ...options }) => {
    const { digest, configDigest } = await podmanPull(reference, options)
    return new Set([digest, configDigest])
  })
}

/** `buildah pull`, with the registries.conf of `deploy/`. */
export function buildahClient(init: ImageClientInit): Promise<ImageClient> {
  return startClient(init, async ({ reference, ...options }) => {
    const { digest, configDigest } = await buildahPull(reference, options)
    return new Set([digest, configDigest])
  })
}

async function startClient(
  { dir, mirrorUrl, launcher = [] }: ImageClientInit,
  pull: (pull: Pull) => Promise<ReadonlySet<string>>,
): Promise<ImageClient> {
  const registriesConf = join(dir, 'registries.conf')
  await writeRegistriesConf(registriesConf, 'docker.io', mirrorUrl)
  let pulls = 0
  return {
    pull: (image, options) => {
      const storage = join(dir, `pull-${(pulls += 1)}`)
      return pull({ ...options, reference: `docker.io/${image}`, dir: storage, registriesConf, launcher })
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
