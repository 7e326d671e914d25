import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { silentLog } from '@layermesh/interface'
import { createMetrics } from '@layermesh/telemetry'
import {
  createTempDir,
  ManualClock,
  type OriginRegistry,
  startOrigin,
  type TempDir,
} from '@layermesh/testkit'
import { request } from 'undici'
import { type NodeParts, startParts } from '../src/node-parts.ts'
import { testConfig } from './support/test-config.ts'

const LOGIN = { username: 'node', password: 'right' }
const DIGEST = `sha256:${'0'.repeat(64)}`

describe('a node after a restart', () => {
  let temp: TempDir
  let origin: OriginRegistry
  let clock: ManualClock
  let parts: NodeParts
  let running: AsyncDisposableStack

  beforeEach(async () => {
    temp = await createTempDir()
    clock = new ManualClock()
    running = new AsyncDisposableStack()
  })
  afterEach(async () => {
    await running.disposeAsync()
    await origin.close()
    await temp[Symbol.asyncDispose]()
  })

  const passwordFile = () => join(temp.path, 'password')

  /** Starts the node on what the one before it has left; its monotonic clock begins anew. */
  async function start(): Promise<void> {
    await running.disposeAsync()
    running = new AsyncDisposableStack()
    clock = new ManualClock(clock.now())
    const credentials = `{username: ${LOGIN.username}, passwordFile: ${passwordFile()}}`
    const config = await testConfig(
      { name: 'one', dataDir: join(temp.path, 'data'), originUrl: origin.url },
      [`upstreams=[{host: origin.test, endpoints: ["${origin.url}"], credentials: ${credentials}}]`],
    )
    const environment = { clock, log: silentLog, metrics: createMetrics(), version: '0.0.0' }
    parts = await startParts(config, environment, running)
  }

  async function get(path: string) {
    const url = `http://${parts.mirror.addresses()[0]}/v2/${path}`
    const { statusCode, headers, body } = await request(url, { reset: true })
    await body.dump()
    return { status: statusCode, retryAfter: headers['retry-after'] }
  }

  const askedFor = (reference: string) =>
    origin.requests.filter((each) => each.reference === reference).length

  it('leaves a registry alone that has said 429, for what is left of the time', async () => {
    await writeFile(passwordFile(), LOGIN.password)
    origin = await startOrigin()
    const limited = { type: 'status', status: 429, headers: { 'retry-after': '600' } } as const
    const fault = origin.script({ match: {}, action: limited })
    await start()
    assert.equal((await get('app/manifests/v1')).status, 429)
    const asked = origin.requests.length
    for (const left of ['500', '400']) {
      clock.advance(100_000)
      await start()
      assert.deepEqual(await get('app/manifests/v1'), { status: 429, retryAfter: left })
    }
    assert.equal(origin.requests.length, asked)
    fault[Symbol.dispose]()
    clock.advance(400_000)
    assert.equal((await get('app/manifests/v1')).status, 404)
    assert.ok(origin.requests.length > asked)
  })

  it('does not ask again for a manifest, a tag and a blob that were missing a moment ago', async () => {
    await writeFile(passwordFile(), LOGIN.password)
    origin = await startOrigin()
    await start()
    const paths = ['app/manifests/v1', `app/manifests/${DIGEST}`, `app/blobs/${DIGEST}`]
    for (const path of paths) assert.equal((await get(path)).status, 404)
    const asked = origin.requests.length
    clock.advance(4_000)
    await start()
    for (const path of paths) assert.equal((await get(path)).status, 404)
    assert.equal(origin.requests.length, asked)
    clock.advance(6_000)
    for (const path of paths) assert.equal((await get(path)).status, 404)
    assert.equal(origin.requests.length, 2 * asked)
  })

  it('asks for what was denied when it has another login, and not with the same', async () => {
    await writeFile(passwordFile(), 'not the right one')
    origin = await startOrigin({ auth: 'basic', login: LOGIN })
    await start()
    assert.equal((await get('app/manifests/v1')).status, 404)
    const asked = askedFor('v1')
    await start()
    assert.equal((await get('app/manifests/v1')).status, 404)
    assert.equal(askedFor('v1'), asked)
    await writeFile(passwordFile(), LOGIN.password)
    await start()
    assert.equal((await get('app/manifests/v1')).status, 404)
    assert.ok(askedFor('v1') > asked)
  })
})
