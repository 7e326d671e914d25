import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createMetrics, type PrometheusMetrics } from '@layermesh/telemetry'
import {
  buildImage,
  builtContent,
  createTempDir,
  ManualClock,
  startOrigin,
  type BuiltArtifact,
  type BuiltContent,
  type OriginOptions,
  type OriginRegistry,
} from '@layermesh/testkit'
import {
  createUpstreamClient,
  type ClosableUpstreamClient,
  type UpstreamClientDeps,
  type UpstreamClientInit,
  type UpstreamEndpoints,
} from '@layermesh/registry-client'

import type { Secret } from '../../src/credential.ts'
import { createRecordingLog, type RecordingLog } from './recording-log.ts'

/** The image host and the repository that tests ask for. */
export const HOST = 'reg.example'
export const REPOSITORY = 'library/app'
export const TAG = 'latest'
export const REF = { upstream: HOST, repository: REPOSITORY }
/** The same, for somebody who may have what the client's login can have. */
export const AS_LOGIN = { ...REF, access: 'login' } as const

/** A client of one upstream, and all that is around it. Disposing of it closes everything. */
export interface ClientFixture extends AsyncDisposable {
  readonly clock: ManualClock
  readonly metrics: PrometheusMetrics
  readonly log: RecordingLog
  readonly client: ClosableUpstreamClient
}

/** A client whose upstream is one origin with an image under {@link TAG}. */
export interface OriginFixture extends ClientFixture {
  readonly origin: OriginRegistry
  readonly image: BuiltArtifact
  /** The largest blob of the image. */
  readonly blob: BuiltContent
}

/** How a test's client differs from others. */
export interface ClientOptions {
  readonly init?: Partial<UpstreamClientInit>
  readonly upstream?: Partial<UpstreamEndpoints>
  readonly deps?: Partial<UpstreamClientDeps>
}

/** Makes a client whose upstream has these endpoints. Its clock stands still until the test moves it. */
export function createClient(
  endpoints: readonly string[],
  { init = {}, upstream = {}, deps = {} }: ClientOptions = {},
  clock = new ManualClock(),
): ClientFixture {
  const metrics = createMetrics()
  const log = createRecordingLog()
  const client = createUpstreamClient(
    { clock, log, metrics, random: () => 0.5, env: {}, ...deps },
    { upstreams: [{ host: HOST, endpoints, ...upstream }], version: '1.2.3', ...init },
  )
  return { clock, metrics, log, client, [Symbol.asyncDispose]: () => client.close() }
}

/** Options of {@link startFixture}. */
export interface FixtureOptions extends OriginOptions, ClientOptions {
  readonly blobBytes?: number
  /** The login that the client has for the upstream. @default none */
  readonly secret?: Secret
}

/** Starts an origin that holds an image with one blob of `blobBytes` and more, and a client for it. */
export async function startFixture(options: FixtureOptions = {}): Promise<OriginFixture> {
  const { blobBytes = 200_000, init = {}, upstream = {}, deps = {}, secret, ...originOptions } = options
  const stack = new AsyncDisposableStack()
  const clock = new ManualClock()
  const origin = stack.use(await startOrigin({ clock, ...originOptions }))
  const image = await buildImage({ seed: 1, layerBytes: [blobBytes], compression: 'none' })
  const [blob] = image.layers
  if (blob === undefined) throw new Error('the image has no layer')
  origin.add(REPOSITORY, image, { tag: TAG })
  const credentials =
    secret === undefined
      ? {}
      : { dockerConfig: await writeDockerConfig(stack.use(await createTempDir()).path, secret) }
  const client = { init, upstream: { credentials, ...upstream }, deps }
  const fixture = stack.use(createClient([origin.url], client, clock))
  return { ...fixture, origin, image, blob, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

async function writeDockerConfig(folder: string, secret: Secret): Promise<string> {
  const entry =
    'password' in secret
      ? { auth: Buffer.from(`${secret.username}:${secret.password}`).toString('base64') }
      : { identitytoken: secret.identityToken }
  const file = join(folder, 'config.json')
  await writeFile(file, JSON.stringify({ auths: { [HOST]: entry } }))
  return file
}

/** An artifact that is nothing but a manifest with these bytes. */
export function manifestOf(text: string, mediaType: string): BuiltArtifact {
  const manifest = builtContent(Buffer.from(text), mediaType)
  return { manifest, contents: new Map([[manifest.descriptor.digest, manifest]]) }
}

/** Starts an origin with nothing in it, and closes it: its URL is one where nobody listens. */
export async function deadUrl(): Promise<string> {
  const origin = await startOrigin()
  await origin.close()
  return origin.url
}

/** Moves the clock on, step by step, for as long as it takes `promise` to settle. */
export async function drive<T>(clock: ManualClock, promise: Promise<T>, stepMs = 1000): Promise<T> {
  const pending = new Set([promise])
  const settle = () => pending.delete(promise)
  promise.then(settle, settle)
  while (pending.size > 0) {
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(stepMs)
  }
  return promise
}
