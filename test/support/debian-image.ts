import { createHash } from 'node:crypto'
import { createGzip } from 'node:zlib'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

import type { Descriptor } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'

import { runCommand } from './run-command.ts'

/** Content and what describes it. */
export interface ImageContent {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

/** An image of real files. */
export interface DebianImage {
  readonly manifest: ImageContent
  readonly config: ImageContent
  readonly layers: readonly ImageContent[]
}

/** Packages, each on every Debian, of the first layers; further layers are added until the image is large enough. */
const LAYER_PACKAGES = [
  ['base-files', 'bash', 'coreutils', 'libc6', 'dpkg', 'tar', 'util-linux'],
  ['perl-base', 'libc-bin', 'login'],
]

/** Installed size, in KiB, of the packages that further layers are made of. */
const FURTHER_PACKAGE_KIB = { least: 8_000, most: 130_000 }

/**
 * Makes a root file system image of at least `minBytes` in several gzipped layers, from the files of this machine's
 * own Debian packages.
 */
export async function buildDebianImage(minBytes: number): Promise<DebianImage> {
  const layers: { content: ImageContent; diffId: string }[] = []
  const isLarge = () => layers.reduce((sum, { content }) => sum + content.descriptor.sizeBytes, 0) >= minBytes
  for await (const packages of layerPackages()) {
    if (layers.length >= LAYER_PACKAGES.length && isLarge()) break
    layers.push(await buildLayer(packages))
  }
  if (!isLarge()) throw new Error(`the installed packages don't make ${minBytes} bytes`)
  const config = jsonContent('application/vnd.oci.image.config.v1+json', {
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['/bin/bash'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  })
  const contents = layers.map(({ content }) => content)
  const manifest = jsonContent('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: inManifest(config.descriptor),
    layers: contents.map(({ descriptor }) => inManifest(descriptor)),
  })
  return { manifest, config, layers: contents }
}

/** An OCI index over manifests of several platforms. */
export function indexOf(entries: readonly { manifest: Descriptor; architecture: string }[]): ImageContent {
  return jsonContent('application/vnd.oci.image.index.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: entries.map(({ manifest, architecture }) => ({
      ...inManifest(manifest),
      platform: { architecture, os: 'linux' },
    })),
  })
}

async function* layerPackages(): AsyncGenerator<readonly string[]> {
  yield* LAYER_PACKAGES
  const { stdout } = await runCommand('dpkg-query', ['-W', '-f', '${Installed-Size} ${Package}\n'])
  const sizes = stdout
    .split('\n')
    .map((line) => line.split(' '))
    .map(([kib, name]) => ({ kib: Number(kib), name: name ?? '' }))
    .filter(({ kib }) => kib >= FURTHER_PACKAGE_KIB.least && kib <= FURTHER_PACKAGE_KIB.most)
    .sort((a, b) => b.kib - a.kib || a.name.localeCompare(b.name))
  for (const { name } of sizes) yield [name]
}

async function buildLayer(packages: readonly string[]): Promise<{ content: ImageContent; diffId: string }> {
  const { stdout } = await runCommand('dpkg', ['-L', ...packages])
  const paths = [...new Set(stdout.split('\n').filter((path) => path.startsWith('/') && path !== '/.'))]
  const names = (await Promise.all(paths.map(nameInLayer))).filter((name) => name !== undefined).sort()
  const args = ['--create', '--directory=/', '--no-recursion', '--null', '--files-from=-', '--mtime=@0', '--numeric-owner']
  const tar = spawn('tar', args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(tar, 'close')
  tar.stdin.end(names.join('\0'))
  const plain = createHash('sha256')
  const chunks: Buffer[] = []
  await pipeline(
    tar.stdout,
    async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        plain.update(chunk)
        yield chunk
      }
    },
    createGzip({ level: 1 }),
    async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) chunks.push(chunk)
    },
  )
  const [code] = (await exited) as [number]
  if (code !== 0) throw new Error(`tar has failed with ${code}`)
  const content = contentOf('application/vnd.oci.image.layer.v1.tar+gzip', Buffer.concat(chunks))
  return { content, diffId: `sha256:${plain.digest('hex')}` }
}

/** Documentation and the like may be excluded from what is installed. */
async function nameInLayer(path: string): Promise<string | undefined> {
  try {
    await lstat(path)
    return path.slice(1)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function jsonContent(mediaType: string, document: object): ImageContent {
  return contentOf(mediaType, Buffer.from(JSON.stringify(document)))
}

function contentOf(mediaType: string, bytes: Uint8Array): ImageContent {
  return { descriptor: { mediaType, digest: digestOf(bytes), sizeBytes: bytes.length }, bytes }
}

function inManifest({ mediaType, digest, sizeBytes }: Descriptor) {
  return { mediaType, digest, size: sizeBytes }
}
