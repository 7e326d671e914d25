import { createHash } from 'node:crypto'

import { request } from 'undici'

import { ACCEPT } from './load-result.ts'
import type { Server } from './server.ts'

/** Reads `path` from each server. Throws unless all send the same bytes. */
export async function assertSame(servers: readonly Server[], path: string): Promise<void> {
  const digests = new Set<string>()
  for (const { name, url } of servers) {
    const { statusCode, body } = await request(url + path, { headers: { accept: ACCEPT } })
    if (statusCode !== 200) throw new Error(`${name} has answered ${path} with ${statusCode}`)
    const hash = createHash('sha256')
    for await (const chunk of body) hash.update(chunk as Buffer)
    digests.add(hash.digest('hex'))
  }
  if (digests.size !== 1) throw new Error(`the servers disagree about ${path}`)
}
