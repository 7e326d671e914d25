import { createGzip } from 'node:zlib'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstat, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { createDigestHash } from '@layermesh/oci'
import { assembleImage, builtContent, type BuiltImage, type BuiltLayer } from '@layermesh/testkit'

import { runCommand } from './run-command.ts'

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
export async function buildDebianImage(minBytes: number): Promise<BuiltImage> {
  const layers: BuiltLayer[] = []
  const isLarge = () => layers.reduce((sum, { descriptor }) => sum + descriptor.sizeBytes, 0) >= minBytes
  for await (const packages of layerPackages()) {
    if (layers.length >= LAYER_PACKAGES.length && isLarge()) break
    layers.push(await buildLayer(packages))
  }
  if (!isLarge()) throw new Error(`the installed packages don't make ${minBytes} bytes`)
  return assembleImage(layers)
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

async function buildLayer(packages: readonly string[]): Promise<BuiltLayer> {
  const { stdout } = await runCommand('dpkg', ['-L', ...packages])
  const paths = [...new Set(stdout.split('\n').filter((path) => path.startsWith('/') && path !== '/.'))]
  const found = await Promise.all(paths.map(nameInLayer))
  const names = [...new Set(found)].filter((name) => name !== undefined).sort()
  const args = [
    '--create',
    '--directory=/',
    '--no-recursion',
    '--null',
    '--files-from=-',
    '--mtime=@0',
    '--numeric-owner',
  ]
  const tar = spawn('tar', args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(tar, 'close')
  tar.stdin.end(names.join('\0'))
  const plain = createDigestHash('sha256')
  let tarBytes = 0
  const chunks: Buffer[] = []
  await pipeline(
    tar.stdout,
    async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        plain.update(chunk)
        tarBytes += chunk.length
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
  const content = builtContent(Buffer.concat(chunks), 'application/vnd.oci.image.layer.v1.tar+gzip')
  return { ...content, spec: { seed: packages.join(' '), sizeBytes: tarBytes }, diffId: plain.digest() }
}

/**
 * The name under which a file of the machine goes into a layer; undefined if it isn't installed, as documentation may
 * not be. Where a folder is a link, as `/bin` is to `usr/bin`, the name is the one behind it: clients unpack a layer
 * in its order, and the folder may come after the link.
 */
async function nameInLayer(path: string): Promise<string | undefined> {
  try {
    await lstat(path)
    return join(await realpath(dirname(path)), basename(path)).slice(1)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
