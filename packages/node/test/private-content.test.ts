import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import type { Log } from '@layermesh/interface'
import {
  buildImage,
  type BuiltImage,
  createTempDir,
  type OriginRegistry,
  pullImage,
  startOrigin,
  type TempDir,
  until,
} from '@layermesh/testkit'
import { request } from 'undici'
import { type RunningNode, startNode } from '../src/index.ts'
import { testConfig } from './support/test-config.ts'

const LOGIN = { username: 'node', password: 'the-node-s-password' }
const PRIVATE = 'team/private'
const OPEN = 'team/open'
const CANARY = 'c4nary'

describe('private content', () => {
  let temp: TempDir
  let origin: OriginRegistry
  let image: BuiltImage
  let lines: unknown[]
  const running: RunningNode[] = []

  before(async () => {
    image = await buildImage({ seed: 8, layerBytes: [5000] })
  })

  beforeEach(async () => {
    temp = await createTempDir()
    origin = await startOrigin({ auth: 'bearer', login: LOGIN, privateRepositories: [PRIVATE] })
    for (const repository of [PRIVATE, OPEN]) origin.add(repository, image, { tag: 'latest' })
    lines = []
  })

  afterEach(async () => {
    await Promise.all(running.splice(0).map((node) => node.stop()))
    await origin.close()
    await temp[Symbol.asyncDispose]()
  })

  const write = (...line: unknown[]) => void lines.push(line)
  const log: Log = { error: write, warn: write, info: write, debug: write, trace: write, child: () => log }

  async function start(name: string, isLoggedIn: boolean): Promise<RunningNode> {
    const passwordFile = join(temp.path, `${name}.password`)
    await writeFile(passwordFile, LOGIN.password)
    const credentials = `{username: ${LOGIN.username}, passwordFile: ${passwordFile}}`
    const config = await testConfig(
      { name, dataDir: join(temp.path, name), originUrl: origin.url },
      isLoggedIn ? [`upstreams=[{host: origin.test, credentials: ${credentials}}]`] : [],
    )
    const node = await startNode(config, log)
    running.push(node)
    return node
  }

  const pull = (node: RunningNode, repository: string) =>
    pullImage({ url: `http://${node.addresses.mirror[0]}`, repository, reference: 'latest' })

  async function statusOf(node: RunningNode, path: string, headers: Record<string, string> = {}) {
    const { statusCode, body } = await request(`http://${node.addresses.mirror[0]}${path}`, {
      headers,
      reset: true,
    })
    await body.dump()
    return statusCode
  }

  it('goes to clients on the same machine as the node whose login can pull it', async () => {
    const node = await start('one', true)
    assert.equal((await pull(node, PRIVATE)).digest, image.manifest.descriptor.digest)
    await origin.close()
    assert.equal((await pull(node, PRIVATE)).digest, image.manifest.descriptor.digest)
  })

  it('is a 404 for all that a node without a login holds and does not know to be open', async () => {
    const node = await start('one', false)
    await pull(node, OPEN)
    for (const { descriptor } of [image.config, ...image.layers]) {
      assert.equal(await statusOf(node, `/v2/${OPEN}/blobs/${descriptor.digest}`), 200)
      assert.equal(await statusOf(node, `/v2/${PRIVATE}/blobs/${descriptor.digest}`), 404)
    }
    const { digest } = image.manifest.descriptor
    for (const reference of ['latest', digest]) {
      assert.equal(await statusOf(node, `/v2/${PRIVATE}/manifests/${reference}`), 404)
    }
    await origin.close()
    assert.equal(await statusOf(node, `/v2/${OPEN}/manifests/${digest}`), 200)
    assert.equal(await statusOf(node, `/v2/team/third/manifests/${digest}`), 404)
  })

  it('is listed only to clients that may have it; to others it is not said that there is nothing', async () => {
    const [insider, outsider] = [await start('one', true), await start('two', false)]
    const { digest } = image.manifest.descriptor
    for (const list of ['tags/list', `referrers/${digest}`]) {
      assert.equal(await statusOf(insider, `/v2/${PRIVATE}/${list}`), 200, list)
      assert.equal(await statusOf(outsider, `/v2/${PRIVATE}/${list}`), 503, list)
      assert.equal(await statusOf(outsider, `/v2/${OPEN}/${list}`), 200, list)
    }
  })

  it('never uses what clients prove themselves with, and leaves it nowhere', async () => {
    const node = await start('one', true)
    const secrets = {
      authorization: `Bearer ${CANARY}`,
      'proxy-authorization': `Basic ${CANARY}`,
      cookie: `session=${CANARY}`,
    }
    const [layer] = image.layers
    for (const repository of [PRIVATE, OPEN, 'team/missing']) {
      await statusOf(node, `/v2/${repository}/manifests/latest`, secrets)
      await statusOf(node, `/v2/${repository}/blobs/${layer!.descriptor.digest}`, secrets)
      await statusOf(node, `/v2/${repository}/tags/list`, secrets)
    }
    await until(async () => origin.requests.every(({ outcome }) => outcome !== 'open'))
    assert.ok(origin.requests.length > 4)
    assert.doesNotMatch(inspect(origin.requests, { depth: 9 }), /c4nary/)
    assert.ok(lines.length > 4)
    assert.doesNotMatch(inspect(lines, { depth: 9 }), /c4nary/)
    await Promise.all(running.splice(0).map((each) => each.stop()))
    const files = await readdir(join(temp.path, 'one'), { recursive: true, withFileTypes: true })
    for (const file of files.filter((each) => each.isFile())) {
      const bytes = await readFile(join(file.parentPath, file.name))
      assert.ok(!bytes.includes(CANARY) && !bytes.includes(LOGIN.password), file.name)
    }
    // The node's own login is what it uses, and it goes to the token server alone.
    const told = origin.requests.filter(({ headers }) => headers.authorization?.startsWith('Basic'))
    assert.deepEqual(new Set(told.map(({ kind }) => kind)), new Set(['token']))
  })
})
