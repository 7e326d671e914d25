import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { deployFile } from '../support/deploy-file.ts'
import { runCommand } from '../support/run-command.ts'

/** Writes the registries.conf of `deploy/`, as podman, skopeo and CRI-O read it, with `host` in the place of Docker Hub. */
export async function writeRegistriesConf(file: string, host: string, mirrorUrl: string): Promise<void> {
  const text = await deployFile('containers/layermesh.conf', mirrorUrl)
  await writeFile(file, text.replaceAll('docker.io', host))
}

/** Pulls with `skopeo copy` into an OCI layout and returns the digests of all content in it. */
export async function skopeoPull(
  reference: string,
  init: { dir: string; registriesConf: string; launcher?: readonly string[] },
): Promise<Set<string>> {
  await mkdir(init.dir, { recursive: true })
  const options = ['--registries-conf', init.registriesConf, '--insecure-policy', '--tmpdir', init.dir]
  const layout = join(init.dir, 'layout')
  const copy = [...options, 'copy', '--all', `docker://${reference}`, `oci:${layout}:pulled`]
  const [command = 'skopeo', ...args] = [...(init.launcher ?? []), 'skopeo', ...copy]
  await runCommand(command, args)
  const blobs = await readdir(join(layout, 'blobs', 'sha256'))
  return new Set(blobs.map((hex) => `sha256:${hex}`))
}

/** What podman knows of an image that it has pulled. */
export interface PodmanImage {
  /** Digest of what was pulled by tag or digest. */
  readonly digest: string
  /** Digest of the image's config, which names every layer's content. */
  readonly configDigest: string
}

/** Pulls with podman into a storage of its own. */
export async function podmanPull(
  reference: string,
  init: { dir: string; registriesConf: string },
): Promise<PodmanImage> {
  await mkdir(init.dir, { recursive: true })
  const storage = [
    '--root',
    join(init.dir, 'root'),
    '--runroot',
    join(init.dir, 'run'),
    '--storage-driver',
    'vfs',
  ]
  const policy = join(init.dir, 'policy.json')
  await writeFile(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
  const env = { CONTAINERS_REGISTRIES_CONF: init.registriesConf, TMPDIR: init.dir }
  await runCommand('podman', [...storage, 'pull', '--quiet', '--signature-policy', policy, reference], {
    env,
  })
  const { stdout } = await runCommand('podman', [...storage, 'image', 'inspect', reference], { env })
  const [image] = JSON.parse(stdout) as [{ Digest: string; Id: string }]
  return { digest: image.Digest, configDigest: `sha256:${image.Id}` }
}
