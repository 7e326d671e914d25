import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import type { BuiltContent, BuiltImage, BuiltIndex } from '@layermesh/testkit'
import { request } from 'undici'

/** One request that the registry has answered, by its own access log. */
export interface RegistryAccess {
  readonly method: string
  readonly path: string
  readonly status: number
  /** Bytes of the body that the registry wrote. */
  readonly bytes: number
}

/** Debian's docker-registry in a process of its own; disposing of it stops it. */
export interface DockerRegistry extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** Every request answered since the start. Complete for what a client has received in full, after {@link settled}. */
  readonly accesses: readonly RegistryAccess[]
  /** Resolves once the log holds every request that was answered before the call. */
  settled(): Promise<void>
  /** Uploads content as a blob (distribution-spec 1.1, "Pushing blobs"). */
  pushBlob(repository: string, content: BuiltContent): Promise<void>
  /** Uploads an image or an index with everything below it, and tags it. */
  push(repository: string, tag: string, artifact: BuiltImage | BuiltIndex): Promise<void>
  stop(): Promise<void>
}

/** Starts a registry that keeps its content under `dir`, on a port that is free. */
export async function startDockerRegistry(dir: string): Promise<DockerRegistry> {
  const configFile = join(dir, 'registry.json')
  await writeFile(
    configFile,
    JSON.stringify({
      version: '0.1',
      log: { level: 'info', formatter: 'json' },
      // As in Debian's own configuration.
      storage: {
        filesystem: { rootdirectory: join(dir, 'registry') },
        cache: { blobdescriptor: 'inmemory' },
      },
      http: { addr: '127.0.0.1:0', secret: 'test' },
    }),
  )
  const child = spawn('docker-registry', ['serve', configFile], { stdio: ['ignore', 'pipe', 'pipe'] })
  const accesses: RegistryAccess[] = []
  const listening = Promise.withResolvers<string>()
  const ended = once(child, 'close')
  void ended.then(() => listening.reject(new Error('docker-registry has ended')))
  let onAccess = () => {}
  const readLine = (line: string) => {
    const address = /listening on ([\d.:]+)/.exec(line)?.[1]
    if (address !== undefined) listening.resolve(`http://${address}`)
    const access = parseAccess(line)
    if (access === undefined) return
    accesses.push(access)
    onAccess()
  }
  createInterface({ input: child.stdout }).on('line', readLine)
  createInterface({ input: child.stderr }).on('line', readLine)
  const url = await listening.promise

  let probes = 0
  const settled = async () => {
    const path = `/v2/?probe=${(probes += 1)}`
    const { promise, resolve } = Promise.withResolvers<undefined>()
    onAccess = () => {
      if (accesses.some((access) => access.path === path)) resolve(undefined)
    }
    await expectStatus(200, 'GET', url + path)
    onAccess()
    await promise
  }
  const pushBlob = async (repository: string, { descriptor, bytes }: BuiltContent) => {
    const headers = await expectStatus(202, 'POST', `${url}/v2/${repository}/blobs/uploads/`)
    const upload = new URL(String(headers['location']), url)
    upload.searchParams.set('digest', descriptor.digest)
    await expectStatus(201, 'PUT', upload.href, bytes, 'application/octet-stream')
  }
  const pushManifest = (repository: string, reference: string, { descriptor, bytes }: BuiltContent) =>
    expectStatus(201, 'PUT', `${url}/v2/${repository}/manifests/${reference}`, bytes, descriptor.mediaType)
  const stop = async () => {
    child.kill()
    await ended
  }
  return {
    url,
    pid: child.pid ?? 0,
    accesses,
    settled,
    stop,
    pushBlob,
    async push(repository, tag, artifact) {
      const images = 'images' in artifact ? artifact.images : [artifact]
      for (const { config, layers, manifest } of images) {
        for (const blob of [config, ...layers]) await pushBlob(repository, blob)
        await pushManifest(repository, manifest.descriptor.digest, manifest)
      }
      await pushManifest(repository, tag, artifact.manifest)
    },
    [Symbol.asyncDispose]: stop,
  }
}

/** Bytes of all blobs that the registry has sent, by its own count. */
export function blobBytesSent(accesses: readonly RegistryAccess[]): number {
  return accesses
    .filter((access) => access.method === 'GET' && access.path.includes('/blobs/'))
    .reduce((sum, access) => sum + access.bytes, 0)
}

/** Apache's combined log format, which the registry writes one line of for each request. */
function parseAccess(line: string): RegistryAccess | undefined {
  const match = /^[\d.]+ - - \[[^\]]+\] "([A-Z]+) (\S+) [^"]*" (\d{3}) (\d+) /.exec(line)
  if (match === null) return undefined
  const [, method = '', path = '', status, bytes] = match
  return { method, path, status: Number(status), bytes: Number(bytes) }
}

async function expectStatus(
  status: number,
  method: 'GET' | 'POST' | 'PUT',
  url: string,
  body?: Uint8Array,
  contentType?: string,
): Promise<Record<string, string | string[] | undefined>> {
  const headers = contentType === undefined ? {} : { 'content-type': contentType }
  const response = await request(url, {
    method,
    headers,
    body: body === undefined ? null : Buffer.from(body),
  })
  const text = await response.body.text()
  if (response.statusCode !== status)
    throw new Error(`${method} ${url} was answered ${response.statusCode}: ${text}`)
  return response.headers
}
