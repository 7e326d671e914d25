import { cycle } from './cycle.ts'
import { measure, residentBytesOf, type Sample, type Server } from './server.ts'

/** Clients that read at the same time. */
const READERS = 64

/** Samples of several clients that read large blobs. */
export interface StreamLine {
  readonly work: string
  readonly server: Server['name']
  readonly samples: readonly (Sample & {
    /** Resident memory before the load, in bytes. */
    readonly idleMemoryBytes: number
  })[]
}

/** Has many clients read large warm blobs at once, the same one and different ones; `paths` are below each server's URL. */
export async function measureStreams(
  servers: readonly Server[],
  paths: readonly string[],
  { repeats, sizeBytes }: { readonly repeats: number; readonly sizeBytes: number },
): Promise<readonly StreamLine[]> {
  const lines = [
    { work: '1 client', readers: 1, read: paths.slice(0, 1) },
    { work: `${READERS} clients, the same blob`, readers: READERS, read: paths.slice(0, 1) },
    { work: `${READERS} clients, ${paths.length} blobs`, readers: READERS, read: paths },
  ].flatMap((line) =>
    servers.map((server) => ({ ...line, server, samples: [] as StreamLine['samples'][number][] })),
  )
  await cycle('large blobs', repeats, lines, async ({ readers, read, server, samples }) => {
    const idleMemoryBytes = await residentBytesOf(server)
    const sample = await measure(server, {
      method: 'GET',
      urls: read.map((path) => server.url + path),
      connections: readers,
      requests: Math.max(readers, 8),
      bufferBytes: 256 * 1024,
    })
    if (sample.bodyBytes !== sample.requests * sizeBytes) {
      throw new Error(`${server.name} has served ${sample.bodyBytes} bytes`)
    }
    samples.push({ ...sample, idleMemoryBytes })
  })
  return lines.map(({ work, server, samples }) => ({ work, samples, server: server.name }))
}
