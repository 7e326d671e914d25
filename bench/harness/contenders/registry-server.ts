import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import type { Place } from '../lab/lab.ts'

/** A pull-through cache in a process of its own. */
export interface RegistryServer {
  readonly pid: number
  readonly url: string
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Starts Debian's docker-registry at `place` as a cache of `remoteUrl`, with its content and configuration under `dir`. */
export async function startRegistryServer(
  place: Place,
  init: { readonly dir: string; readonly port: number; readonly remoteUrl: string },
): Promise<RegistryServer> {
  const configFile = join(init.dir, 'registry.json')
  await writeFile(
    configFile,
    JSON.stringify({
      version: '0.1',
      log: { level: 'info', formatter: 'json' },
      storage: { filesystem: { rootdirectory: join(init.dir, 'registry') } },
      http: { addr: `${place.address}:${init.port}`, secret: 'bench' },
      proxy: { remoteurl: init.remoteUrl },
    }),
  )
  const [command, ...args] = [...place.launcher, 'docker-registry', 'serve', configFile]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const listening = Promise.withResolvers<string>()
  const ended = once(child, 'close')
  let last = ''
  void ended.then(
    () => listening.reject(new Error(`docker-registry has ended: ${last}`)),
    listening.reject.bind(listening),
  )
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      last = line
      const address = /listening on ([\d.:]+)/.exec(line)?.[1]
      if (address !== undefined) listening.resolve(`http://${address}`)
    })
  }
  const url = await listening.promise
  return {
    pid: child.pid ?? 0,
    url,
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      await ended
    },
  }
}
