import { cycle } from './cycle.ts'
import type { Load } from './load-result.ts'
import { measure, type Sample, type Server } from './server.ts'

/** Small things that a warm server is asked for: paths below its URL. */
export interface SmallContent {
  readonly manifestByTag: string
  readonly manifestByDigest: string
  readonly blob: string
}

const WORK = [
  { work: 'HEAD manifest by tag', method: 'HEAD', path: 'manifestByTag' },
  { work: 'GET manifest by digest', method: 'GET', path: 'manifestByDigest' },
  { work: 'GET blob of 4 KiB', method: 'GET', path: 'blob' },
] as const

const CONNECTIONS = [1, 64]

/** Samples of one kind of request over so many connections. */
export interface RequestLine {
  readonly work: string
  readonly connections: number
  readonly server: Server['name']
  readonly samples: readonly Sample[]
}

/** Asks both servers for the same small things, in turns. */
export async function measureRequests(
  servers: readonly Server[],
  content: SmallContent,
  { repeats, requests }: { readonly repeats: number; readonly requests: number },
): Promise<readonly RequestLine[]> {
  const lines = WORK.flatMap(({ work, method, path }) =>
    CONNECTIONS.flatMap((connections) =>
      servers.map((server) => {
        const load: Load = {
          ...{ method, connections, requests, bufferBytes: 64 * 1024 },
          urls: [server.url + content[path]],
        }
        return { work, connections, server, load, samples: [] as Sample[] }
      }),
    ),
  )
  await cycle('requests', repeats, lines, async ({ server, load, samples }) => {
    samples.push(await measure(server, load))
  })
  return lines.map(({ work, connections, server, samples }) => ({
    ...{ work, connections, samples },
    server: server.name,
  }))
}
