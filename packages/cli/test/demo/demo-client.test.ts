import assert from 'node:assert/strict'
import {
  buildImage,
  layerSpecsOf,
  startOrigin,
  uniqueBytesOf,
  type LogLine,
  type NodeProcess,
  type OriginRegistry,
} from '@layermesh/testkit'
import { CommandError } from '../../src/command-error.ts'
import { DemoClient, type PublishedImage } from '../../src/demo/demo-client.ts'

const FIRST = { seed: 1, layerBytes: [20_000, 3000] }
const SECOND = { seed: 2, layerBytes: [4000], sharedLayers: layerSpecsOf(FIRST).slice(0, 1) }

describe('DemoClient', () => {
  let origin: OriginRegistry

  beforeEach(async () => {
    origin = await startOrigin()
  })

  afterEach(() => origin.close())

  /** A client of a node that passes everything on to the registry. */
  function createClient(): DemoClient {
    const log: LogLine[] = []
    const stop = async () => {
      log.push({ level: 'warn', msg: 'upstream failed' })
    }
    const process = { mirrorUrl: origin.url, log, stop } as unknown as NodeProcess
    return new DemoClient({ name: 'b-1', process })
  }

  async function publish(tag: string, spec: typeof FIRST): Promise<PublishedImage> {
    const image = await buildImage(spec)
    origin.add('demo/shop', image, { tag })
    const added = { manifest: image.manifest.descriptor, uniqueBytes: uniqueBytesOf(image), contents: [] }
    return { ...added, host: 'origin.test', repository: 'demo/shop', tag }
  }

  function options() {
    return { signal: new AbortController().signal, onBytes: () => {} }
  }

  it('receives a whole image first, then only what is new', async () => {
    const first = await publish('v1', FIRST)
    const second = await publish('v2', SECOND)
    const client = createClient()
    assert.equal(await client.pull(first, options()), first.uniqueBytes)
    assert.equal(client.contents, 4)
    origin.resetAccount()
    const newBytes = await client.pull(second, options())
    assert.equal(newBytes, origin.account().uniqueBytes)
    assert.ok(newBytes < second.uniqueBytes - FIRST.layerBytes[0]!)
    assert.equal(client.contents, 7)
  })

  it('sends the image host along', async () => {
    await createClient().pull(await publish('v1', FIRST), options())
    assert.ok(origin.requests.every(({ query }) => query.get('ns') === 'origin.test'))
  })

  it('rejects with the name of the node and what it warned of when the pull fails', async () => {
    const image = await publish('v1', FIRST)
    origin.remove('demo/shop', image.manifest.digest)
    await assert.rejects(createClient().pull(image, options()), (error: Error) => {
      assert.ok(error instanceof CommandError)
      assert.match(
        error.message,
        /demo\/shop:v1 could not be pulled through node b-1: .*404.*upstream failed/,
      )
      return true
    })
  })

  it('rejects another image than the one that was published', async () => {
    const image = await publish('v1', FIRST)
    await publish('v1', SECOND)
    await assert.rejects(
      createClient().pull(image, options()),
      /node b-1 has served sha256:\w+ as demo\/shop:v1/,
    )
  })

  it('rejects with the reason of an abort', async () => {
    const image = await publish('v1', FIRST)
    const reason = new Error('enough')
    const pull = createClient().pull(image, { ...options(), signal: AbortSignal.abort(reason) })
    await assert.rejects(pull, (error) => error === reason)
  })
})
