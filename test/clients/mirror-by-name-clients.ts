import { join } from 'node:path'

import { launchCommand } from '../support/run-command.ts'
import { layoutDigests } from './containers-image.ts'
import type { ImageClient, ImageClientInit, PullOptions } from './image-client.ts'

// Clients that know nothing of mirrors: their users name the mirror as the registry. There is nothing that they could
// fall back to.

/** `crane pull` into an OCI layout. */
export function craneClient(init: ImageClientInit): Promise<ImageClient> {
  return startClient(init, (source, layout) => [
    'crane',
    'pull',
    '--insecure',
    '--format=oci',
    source,
    layout,
  ])
}

/** `oras copy` into an OCI layout. */
export function orasClient(init: ImageClientInit): Promise<ImageClient> {
  return startClient(init, (source, layout) => [
    'oras',
    'copy',
    '--from-plain-http',
    '--to-oci-layout',
    source,
    `${layout}:pulled`,
  ])
}

function startClient(
  { dir, mirrorUrl, launcher = [] }: ImageClientInit,
  pullCommand: (source: string, layout: string) => readonly string[],
): Promise<ImageClient> {
  let pulls = 0
  return Promise.resolve({
    async pull(image: string, { signal }: PullOptions) {
      const layout = join(dir, `pull-${(pulls += 1)}`)
      const source = `${new URL(mirrorUrl).host}/docker.io/${image}`
      await launchCommand(launcher, pullCommand(source, layout), { signal })
      return layoutDigests(layout)
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  })
}
