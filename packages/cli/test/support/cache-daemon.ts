import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAdmin } from '@layermesh/admin'
import { silentLog, type CacheControl } from '@layermesh/interface'
import { createTempDir, scriptedCacheControl, type CacheCall } from '@layermesh/testkit'
import { STATUS } from './statuses.ts'

/** The admin endpoint of a daemon with a scripted cache, and the file with its token. */
export interface CacheDaemon extends AsyncDisposable {
  /** Origin of the endpoint. */
  readonly url: string
  /** Flags by which a command finds the daemon and its token. */
  readonly flags: readonly string[]
  readonly tokenFile: string
  readonly dataDir: string
  /** What the cache was asked for. */
  readonly calls: readonly CacheCall[]
  stop(): Promise<void>
}

/** Starts a {@link CacheDaemon} that answers with `answers`. */
export async function startCacheDaemon(answers: Partial<CacheControl> = {}): Promise<CacheDaemon> {
  const dir = await createTempDir()
  const tokenFile = join(dir.path, 'admin.token')
  const token = 'a-token-of-16-letters'
  await writeFile(tokenFile, `${token}\n`)
  const cache = scriptedCacheControl(answers)
  const admin = createAdmin(
    {
      log: silentLog,
      cache,
      metricsText: async () => ({ contentType: 'text/plain', body: '' }),
      status: async () => STATUS,
      peers: async () => [],
      readiness: () => ({}),
    },
    { listen: { host: '127.0.0.1', port: 0 }, token },
  )
  await admin.start()
  const url = `http://${admin.address()}`
  return {
    url,
    flags: ['--admin', url, '--token-file', tokenFile],
    tokenFile,
    dataDir: dir.path,
    calls: cache.calls,
    stop: () => admin.stop(),
    async [Symbol.asyncDispose]() {
      await admin.stop()
      await dir[Symbol.asyncDispose]()
    },
  }
}
