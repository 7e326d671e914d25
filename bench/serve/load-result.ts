import { fileURLToPath } from 'node:url'

import { runCommand } from '../../test/support/run-command.ts'

/** docker-registry gives OCI manifests to those only who say that they know them. */
export const ACCEPT = 'application/vnd.oci.image.manifest.v1+json, */*'

/** What the client is to do. */
export interface Load {
  readonly method: 'GET' | 'HEAD'
  /** All of one server; asked for in turn. */
  readonly urls: readonly string[]
  readonly connections: number
  /** Over all connections. */
  readonly requests: number
  /** Of each connection. */
  readonly bufferBytes: number
}

/** What came of it. */
export interface LoadResult {
  readonly seconds: number
  /** How many there were. */
  readonly requests: number
  readonly bodyBytes: number
}

/** Runs the client in a process of its own. Throws when a reply isn't what was asked for. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const client = fileURLToPath(new URL('load.ts', import.meta.url))
  const { stdout } = await runCommand(process.execPath, [client, JSON.stringify(load)])
  return JSON.parse(stdout) as LoadResult
}
