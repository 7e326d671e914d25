import { performance } from 'node:perf_hooks'

import { ClientConnection, type Reply } from './client-connection.ts'
import type { Load, LoadResult } from './load-result.ts'

/** Puts a load on a server. Run as a process of its own with a {@link Load} as JSON; prints a {@link LoadResult}. */
const load = JSON.parse(process.argv[2] ?? '') as Load
const urls = load.urls.map((url) => new URL(url))
const [firstUrl] = urls
if (firstUrl === undefined) throw new RangeError('nothing to ask for')
const replies: Reply[] = []
let begun = 0

const startedMs = performance.now()
await Promise.all(Array.from({ length: load.connections }, (_, index) => converse(firstUrl, index)))
const result: LoadResult = {
  seconds: (performance.now() - startedMs) / 1000,
  requests: replies.length,
  bodyBytes: replies.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0),
}
process.stdout.write(JSON.stringify(result))

/** Asks over one connection, one request after the other, until as many as wanted have been begun over all. */
async function converse(first: URL, index: number): Promise<void> {
  const connection = new ClientConnection(first, load)
  for (let turn = index; begun < load.requests; turn += load.connections) {
    begun += 1
    replies.push(await connection.ask(urls[turn % urls.length] ?? first))
  }
  connection.close()
}
