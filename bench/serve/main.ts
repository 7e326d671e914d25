import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { buildImage, builtContent, createTempDir } from '@layermesh/testkit'

import { Cluster } from '../../test/support/cluster.ts'
import { type DockerRegistry, startDockerRegistry } from '../../test/support/docker-registry.ts'
import { runCommand } from '../../test/support/run-command.ts'
import { writeResult } from '../support/result-file.ts'
import { assertSame } from './assert-same.ts'
import { type ColdBlobs, measureMisses } from './misses.ts'
import { printReport, writeReport } from './report.ts'
import { measureRequests } from './requests.ts'
import type { Server } from './server.ts'
import { startShapedLink } from './shaped-link.ts'
import { measureStreams } from './streams.ts'

/**
 * One layermesh node against Debian's docker-registry over loopback, in turns, in one run: small requests, large blobs for
 * many readers, and what a miss costs over asking the registry directly.
 */
const KiB = 1024
const MiB = 1024 * KiB
const REPOSITORY = 'bench/blob'
/** Different blobs for the readers: as many as fit into the memory of both servers' machine, so that none is read from a disk. */
const LARGE_BLOBS = 16
/** How often a cold blob of each size is read; small ones cost little, and the time that they take varies most. */
const SMALL_MISSES = 30
const GIGABIT_BYTES_PER_SECOND = 1e9 / 8

const { values: options } = parseArgs({
  options: {
    repeats: { type: 'string', default: '3' },
    requests: { type: 'string', default: '1000' },
    'size-mib': { type: 'string', default: '100' },
  },
})
const repeats = Number(options.repeats)
const requests = Number(options.requests)
const sizeBytes = Number(options['size-mib']) * MiB
const loadBefore = loadavg()

await using temp = await createTempDir()
await mkdir(join(temp.path, 'upstream'))
await using registry = await startDockerRegistry(join(temp.path, 'upstream'))
await using cluster = new Cluster({ dir: temp.path, upstreamUrl: registry.url })
const node = await cluster.addNode('bench')
const servers: readonly Server[] = [
  { name: 'docker-registry', pid: registry.pid, url: registry.url },
  { name: 'layermesh', pid: node.pid, url: node.mirrorUrl },
]

const image = await buildImage({ seed: 1, layerBytes: [64 * KiB] })
await registry.push(REPOSITORY, 'latest', image)
const small = {
  manifestByTag: `/v2/${REPOSITORY}/manifests/latest`,
  manifestByDigest: `/v2/${REPOSITORY}/manifests/${image.manifest.descriptor.digest}`,
  blob: await push(registry, 4 * KiB),
}
const large: string[] = []
for (let index = 0; index < LARGE_BLOBS; index += 1) {
  large.push(await push(registry, sizeBytes))
  process.stderr.write(`blobs to read: ${index + 1} of ${LARGE_BLOBS}\u001B[K\r`)
}
const cold: ColdBlobs[] = []
for (const size of [KiB, MiB, 100 * MiB]) {
  const paths: string[] = []
  const count = size > MiB ? repeats * 2 : SMALL_MISSES
  while (paths.length < count) paths.push(await push(registry, size))
  cold.push({ sizeBytes: size, paths })
}
// Warms both, and makes sure that what is timed is the right content.
for (const path of [...Object.values(small), ...large]) await assertSame(servers, path)

const { stdout: version } = await runCommand('docker-registry', ['--version'])
const result = {
  ...{ repeats, sizeBytes, loadBefore },
  dockerRegistry: version.trim(),
  requests: await measureRequests(servers, small, { repeats, requests }),
  streams: await measureStreams(servers, large, { repeats, sizeBytes }),
  misses: [
    ...(await measureMisses({ link: 'loopback', origin: registry.url, node: node.mirrorUrl }, cold)),
    ...(await measureShapedMisses()),
  ],
  loadAfter: loadavg(),
}
process.stderr.write('\u001B[K')
printReport(result)
const command = `npm run bench:serve -- --repeats ${repeats} --requests ${requests} --size-mib ${options['size-mib']}`
console.log(`raw samples: ${await writeResult('serve', command, result)}`)
console.log(`report: ${await writeReport(result)}`)

/** Uploads a blob that compresses to nothing; resolves to its path. */
async function push(to: DockerRegistry, size: number): Promise<string> {
  const blob = builtContent(randomBytes(size), 'application/octet-stream')
  await to.pushBlob(REPOSITORY, blob)
  return `/v2/${REPOSITORY}/blobs/${blob.descriptor.digest}`
}

/** As on loopback, with a node of its own whose origin is behind a link. */
async function measureShapedMisses() {
  await using link = await startShapedLink(registry.url, GIGABIT_BYTES_PER_SECOND)
  await using behind = new Cluster({ dir: join(temp.path, 'behind-link'), upstreamUrl: link.url })
  const { mirrorUrl } = await behind.addNode('bench')
  return await measureMisses({ link: '1 Gbit/s', origin: link.url, node: mirrorUrl }, cold)
}
