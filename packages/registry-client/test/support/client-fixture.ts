import { silentLog } from '@layermesh/interface'
import { createMetrics, type PrometheusMetrics } from '@layermesh/telemetry'
import {
  buildImage,
  builtContent,
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
  type UpstreamClientInit,
} from '@layermesh/registry-client'

/** The image host and the repository that tests ask for. */
export const HOST = 'reg.example'
export const REPOSITORY = 'library/app'
export const TAG = 'latest'
export const REF = { upstream: HOST, repository: REPOSITORY }

/** A client of one upstream, and all that is around it. Disposing of it closes everything. */
export interface ClientFixture extends AsyncDisposable {
  readonly clock: ManualClock
  readonly metrics: PrometheusMetrics
  readonly client: ClosableUpstreamClient
}

/** A client whose upstream is one origin with an image under {@link TAG}. */
export interface OriginFixture extends ClientFixture {
  readonly origin: OriginRegistry
  readonly image: BuiltArtifact
  /** The largest blob of the image. */
  readonly blob: BuiltContent
}

/** Makes a client whose upstream has these endpoints. Its clock stands still until the test moves it. */
export function createClient(
  endpoints: readonly string[],
  init: Partial<UpstreamClientInit> = {},
  clock = new ManualClock(),
): ClientFixture {
  const metrics = createMetrics()
  const client = createUpstreamClient(
    { clock, log: silentLog, metrics, random: () => 0.5 },
    { upstreams: [{ host: HOST, endpoints }], version: '1.2.3', ...init },
  )
  return { clock, metrics, client, [Symbol.asyncDispose]: () => client.close() }
}

/** Starts an origin that holds an image with one blob of `blobBytes` and more, and a client for it. */
export async function startFixture(
  options: OriginOptions & { readonly blobBytes?: number; readonly init?: Partial<UpstreamClientInit> } = {},
): Promise<OriginFixture> {
  const { blobBytes = 200_000, init, ...originOptions } = options
  const clock = new ManualClock()
  const origin = await startOrigin({ clock, ...originOptions })
  const image = await buildImage({ seed: 1, layerBytes: [blobBytes], compression: 'none' })
  const [blob] = image.layers
  if (blob === undefined) throw new Error('the image has no layer')
  origin.add(REPOSITORY, image, { tag: TAG })
  const fixture = createClient([origin.url], init, clock)
  return {
    ...fixture,
    origin,
    image,
    blob,
    async [Symbol.asyncDispose]() {
      await fixture.client.close()
      await origin.close()
    },
  }
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
