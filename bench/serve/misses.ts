import { ClientConnection } from './client-connection.ts'
import { cycle } from './cycle.ts'

/** Times of one reply, in milliseconds from the request. */
interface MissSample {
  readonly firstByteMs: number
  readonly totalMs: number
}

/** Blobs of one size, read straight from the origin, and through a node that doesn't have them. */
export interface MissLine {
  /** How the origin is reached. */
  readonly link: string
  readonly sizeBytes: number
  readonly direct: readonly MissSample[]
  readonly throughNode: readonly MissSample[]
}

/** Paths of blobs of one size that the node has never been asked for. */
export interface ColdBlobs {
  readonly sizeBytes: number
  readonly paths: readonly string[]
}

/** Reads each blob once from the origin and once through the node, in turns; the origin has read it before. */
export async function measureMisses(
  { link, ...urls }: { readonly link: string; readonly origin: string; readonly node: string },
  blobs: readonly ColdBlobs[],
): Promise<readonly MissLine[]> {
  const lines = blobs.map(({ sizeBytes, paths }) => ({
    ...{ sizeBytes, paths },
    direct: [] as MissSample[],
    throughNode: [] as MissSample[],
  }))
  const rounds = Math.max(...blobs.map(({ paths }) => paths.length))
  await cycle(`misses, ${link}`, rounds, lines, async ({ paths, direct, throughNode, sizeBytes }, round) => {
    const path = paths[round - 1]
    if (path === undefined) return
    await read(urls.origin + path, sizeBytes)
    // Who comes first changes, so that nothing of the order is in the medians.
    const turns = [
      async () => direct.push(await read(urls.origin + path, sizeBytes)),
      async () => throughNode.push(await read(urls.node + path, sizeBytes)),
    ]
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn()
  })
  return lines.map(({ sizeBytes, direct, throughNode }) => ({ link, sizeBytes, direct, throughNode }))
}

/** Opens a connection, as a client does that pulls once in a while, and reads one blob. */
async function read(url: string, sizeBytes: number): Promise<MissSample> {
  const target = new URL(url)
  const connection = new ClientConnection(target, { method: 'GET', bufferBytes: 1024 * 1024 })
  try {
    const { firstByteMs, totalMs, bodyBytes } = await connection.ask(target)
    if (bodyBytes !== sizeBytes) throw new Error(`${url}: ${bodyBytes} bytes instead of ${sizeBytes}`)
    return { firstByteMs, totalMs }
  } finally {
    connection.close()
  }
}
