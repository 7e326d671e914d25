import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { deployFile } from '../support/deploy-file.ts'
import { startContainerd } from './containerd.ts'
import type { ImageClient, ImageClientInit } from './image-client.ts'

/** containerd and its own client `ctr`, with the `hosts.toml` of `deploy/` for all registries. */
export async function containerdClient({
  dir,
  mirrorUrl,
  launcher = [],
}: ImageClientInit): Promise<ImageClient> {
  const hostsDir = join(dir, 'certs.d')
  await mkdir(join(hostsDir, '_default'), { recursive: true })
  await writeFile(
    join(hostsDir, '_default', 'hosts.toml'),
    await deployFile('containerd/hosts.toml', mirrorUrl),
  )
  const containerd = await startContainerd(join(dir, 'containerd'), launcher)
  return {
    async pull(image, { login, signal }) {
      const user = login && `${login.username}:${login.password}`
      await containerd.pull(`docker.io/${image}`, hostsDir, { login: user, signal })
      return containerd.contentDigests()
    },
    [Symbol.asyncDispose]: () => containerd[Symbol.asyncDispose](),
  }
}
