import { createHash, randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { builtContent, createTempDir } from '@layermesh/testkit'
import { request } from 'undici'

import { Cluster } from '../../test/support/cluster.ts'
import { startDockerRegistry } from '../../test/support/docker-registry.ts'
import { runCommand } from '../../test/support/run-command.ts'
import { cpuSecondsOf, peakMemoryBytesOf } from '../support/process-cpu.ts'
import { writeResult } from '../support/result-file.ts'
import { median } from '../support/statistics.ts'

/**
 * A warm blob over loopback: one layermesh node against Debian's docker-registry, in turns, in one run.
 * Throughput is what one client sees; CPU seconds are the server's.
 */
const MiB = 1024 * 1024
const GiB = 1024 * MiB
const REPOSITORY = 'bench/blob'

interface Sample {
  readonly bytesPerSecond: number
  readonly cpuSecondsPerGiB: number
}

interface Server {
  readonly name: string
  readonly pid: number
  readonly blobUrl: string
  readonly samples: Sample[]
}

const { values: options } = parseArgs({
  options: { 'size-mib': { type: 'string', default: '512' }, repeats: { type: 'string', default: '9' } },
})
const sizeBytes = Number(options['size-mib']) * MiB
const repeats = Number(options.repeats)

await using temp = await createTempDir()
await mkdir(join(temp.path, 'upstream'))
await using registry = await startDockerRegistry(join(temp.path, 'upstream'))
const bytes = randomBytes(sizeBytes)
const blob = builtContent(bytes, 'application/octet-stream')
const { digest } = blob.descriptor
await registry.pushBlob(REPOSITORY, blob)
await using cluster = new Cluster({ dir: temp.path, upstreamUrl: registry.url })
const node = await cluster.addNode('bench')

const path = `/v2/${REPOSITORY}/blobs/${digest}`
const servers: Server[] = [
  { name: 'docker-registry', pid: registry.pid, blobUrl: registry.url + path, samples: [] },
  { name: 'layermesh', pid: node.pid, blobUrl: node.mirrorUrl + path, samples: [] },
]
// Warms both, and makes sure that what is timed is the right content.
for (const server of servers) await assertDigest(server)
for (let round = 1; round <= repeats; round += 1) {
  for (const server of servers) server.samples.push(await measure(server))
  process.stderr.write(`round ${round} of ${repeats}\r`)
}

const { stdout: registryVersion } = await runCommand('docker-registry', ['--version'])
const summary = await Promise.all(
  servers.map(async ({ name, pid, samples }) => ({
    name,
    version: name === 'layermesh' ? undefined : registryVersion.trim(),
    medianMiBPerSecond: Math.round(median(samples.map(({ bytesPerSecond }) => bytesPerSecond)) / MiB),
    medianCpuSecondsPerGiB: Number(
      median(samples.map(({ cpuSecondsPerGiB }) => cpuSecondsPerGiB)).toFixed(3),
    ),
    peakMemoryMiB: Math.round((await peakMemoryBytesOf(pid)) / MiB),
    samples,
  })),
)
console.table(
  summary.map(({ name, medianMiBPerSecond, medianCpuSecondsPerGiB, peakMemoryMiB }) => ({
    server: name,
    'MiB/s': medianMiBPerSecond,
    'CPU s/GiB': medianCpuSecondsPerGiB,
    'peak MiB': peakMemoryMiB,
  })),
)
const command = `npm run bench:serve -- --size-mib ${options['size-mib']} --repeats ${options.repeats}`
console.log(`raw samples: ${await writeResult('serve', command, { sizeBytes, repeats, servers: summary })}`)

async function assertDigest({ name, blobUrl }: Server): Promise<void> {
  const response = await request(blobUrl)
  const hash = createHash('sha256')
  for await (const chunk of response.body) hash.update(chunk as Buffer)
  const actual = `sha256:${hash.digest('hex')}`
  if (actual !== digest) throw new Error(`${name} has served ${actual} instead of ${digest}`)
}

async function measure({ name, pid, blobUrl }: Server): Promise<Sample> {
  const client = fileURLToPath(new URL('download.ts', import.meta.url))
  const cpuBefore = await cpuSecondsOf(pid)
  const { stdout } = await runCommand(process.execPath, [client, blobUrl])
  const cpuSeconds = (await cpuSecondsOf(pid)) - cpuBefore
  const { seconds, bytes: received } = JSON.parse(stdout) as { seconds: number; bytes: number }
  if (received !== sizeBytes) throw new Error(`${name} has served ${received} bytes instead of ${sizeBytes}`)
  return { bytesPerSecond: received / seconds, cpuSecondsPerGiB: cpuSeconds / (received / GiB) }
}
