import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { deployFile } from '../support/deploy-file.ts'
import { launchCommand } from '../support/run-command.ts'
import type { ClientLogin } from './image-client.ts'

/** How one pull is made. */
export interface ContainersImagePull {
  /** Folder of the storage that it goes to. */
  readonly dir: string
  readonly registriesConf: string
  /** Put before each command. @default nothing */
  readonly launcher?: readonly string[]
  readonly login?: ClientLogin | undefined
  readonly signal?: AbortSignal
}

/** Writes the registries.conf of `deploy/`, as podman, skopeo and CRI-O read it, with `host` in the place of Docker Hub. */
export async function writeRegistriesConf(file: string, host: string, mirrorUrl: string): Promise<void> {
  const text = await deployFile('containers/layermesh.conf', mirrorUrl)
  await writeFile(file, text.replaceAll('docker.io', host))
}

/** Pulls with `skopeo copy` into an OCI layout and returns the digests of all content in it. */
export async function skopeoPull(
  reference: string,
  { dir, registriesConf, launcher = [], login, signal }: ContainersImagePull,
): Promise<Set<string>> {
  await mkdir(dir, { recursive: true })
  const options = ['--registries-conf', registriesConf, '--insecure-policy', '--tmpdir', dir]
  const layout = join(dir, 'layout')
  const copy = ['copy', '--all', ...credentials('--src-creds', login)]
  const command = ['skopeo', ...options, ...copy, `docker://${reference}`, `oci:${layout}:pulled`]
  await launchCommand(launcher, command, { signal })
  return layoutDigests(layout)
}

/** Digests of all content in an OCI image layout (image-spec 1.1, image-layout.md). */
export async function layoutDigests(layout: string): Promise<Set<string>> {
  const blobs = await readdir(join(layout, 'blobs', 'sha256'))
  return new Set(blobs.map((hex) => `sha256:${hex}`))
}

/** What podman or buildah knows of an image that it has pulled. */
export interface StoredImage {
  /** Digest of what was pulled by tag or digest. */
  readonly digest: string
  /** Digest of the image's config, which names every layer's content. */
  readonly configDigest: string
}

/** Pulls with podman into a storage of its own. */
export async function podmanPull(reference: string, pull: ContainersImagePull): Promise<StoredImage> {
  const podman = await storageCommand('podman', pull)
  await podman('pull', '--quiet', ...(await pullOptions(pull)), reference)
  const stdout = await podman('image', 'inspect', reference)
  const [image] = JSON.parse(stdout) as [{ Digest: string; Id: string }]
  return { digest: image.Digest, configDigest: `sha256:${image.Id}` }
}

/** Pulls with buildah into a storage of its own. */
export async function buildahPull(reference: string, pull: ContainersImagePull): Promise<StoredImage> {
  const buildah = await storageCommand('buildah', pull)
  await buildah('pull', '--quiet', ...(await pullOptions(pull)), reference)
  const stdout = await buildah('images', '--json', '--no-trunc')
  const [image] = JSON.parse(stdout) as [{ digest: string; id: string }]
  return { digest: image.digest, configDigest: `sha256:${image.id.replace(/^sha256:/, '')}` }
}

async function storageCommand(
  program: string,
  { dir, registriesConf, launcher, signal }: ContainersImagePull,
) {
  await mkdir(dir, { recursive: true })
  const folders = ['--root', join(dir, 'root'), '--runroot', join(dir, 'run')]
  const env = { CONTAINERS_REGISTRIES_CONF: registriesConf, TMPDIR: dir }
  return async (...args: readonly string[]) => {
    const command = [program, ...folders, '--storage-driver', 'vfs', ...args]
    return (await launchCommand(launcher ?? [], command, { env, signal })).stdout
  }
}

async function pullOptions({ dir, login }: ContainersImagePull): Promise<string[]> {
  const policy = join(dir, 'policy.json')
  await writeFile(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
  return ['--signature-policy', policy, ...credentials('--creds', login)]
}

function credentials(option: string, login: ClientLogin | undefined): string[] {
  return login === undefined ? [] : [option, `${login.username}:${login.password}`]
}
