import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { type NodeStatus, type PeerStatus, silentLog } from '@layermesh/interface'
import {
  buildImage,
  type BuiltImage,
  createTempDir,
  expectNoLeaks,
  type OriginRegistry,
  pullImage,
  type ResourceSnapshot,
  startOrigin,
  takeResourceSnapshot,
  type TempDir,
  uniqueBytesOf,
  until,
} from '@layermesh/testkit'
import { request } from 'undici'

import { type RunningNode, startNode } from '../src/index.ts'
import { testConfig } from './support/test-config.ts'

const REPOSITORY = 'library/started'

describe('startNode', () => {
  let temp: TempDir
  let origin: OriginRegistry
  let image: BuiltImage
  let resources: ResourceSnapshot
  const running: RunningNode[] = []

  before(async () => {
    image = await buildImage({ seed: 4, layerBytes: [1_500_000, 30_000] })
  })

  beforeEach(async () => {
    resources = await takeResourceSnapshot()
    temp = await createTempDir()
    origin = await startOrigin({ auth: 'bearer', redirectBlobs: true })
    origin.add(REPOSITORY, image, { tag: 'latest' })
  })

  afterEach(async () => {
    await Promise.all(running.splice(0).map((node) => node.stop()))
    await origin.close()
    await temp[Symbol.asyncDispose]()
    await expectNoLeaks(resources)
  })

  const configOf = (name: string, changes: readonly string[] = []) =>
    testConfig({ name, dataDir: join(temp.path, name), originUrl: origin.url }, changes)

  async function start(name: string, changes: readonly string[] = []): Promise<RunningNode> {
    const node = await startNode(await configOf(name, changes), silentLog)
    running.push(node)
    return node
  }

  const pull = (node: RunningNode, reference = 'latest') =>
    pullImage({
      url: `http://${node.addresses.mirror[0]}`,
      namespace: 'origin.test',
      repository: REPOSITORY,
      reference,
    })

  // Each on a connection of its own: one that is kept alive would look like a leak.
  const get = (node: RunningNode, path: string) =>
    request(`http://${node.addresses.admin}${path}`, { reset: true })

  const ask = async <T>(node: RunningNode, path: string) => (await (await get(node, path)).body.json()) as T

  it('serves images through tokens and redirects, and tells where its bytes came from', async () => {
    const node = await start('one')
    const cold = await pull(node)
    const warm = await pull(node)
    assert.equal(cold.bytes, uniqueBytesOf(image))
    assert.deepEqual(new Set(warm.digests), new Set(image.contents.keys()))
    const status = await ask<NodeStatus>(node, '/api/v1/status')
    assert.equal(status.node.peerId, node.peerId)
    assert.equal(status.bytes.fetched.upstream, uniqueBytesOf(image))
    assert.equal(status.bytes.served.upstream + status.bytes.served.cache, 2 * uniqueBytesOf(image))
    await until(
      async () => (await ask<NodeStatus>(node, '/api/v1/status')).cache.bytes === uniqueBytesOf(image),
    )
    assert.equal(origin.account().blobBytes + origin.account().manifestBytes, uniqueBytesOf(image))
  })

  it('exports its metrics, is healthy and ready', async () => {
    const node = await start('one')
    await pull(node)
    const metrics = await (await get(node, '/metrics')).body.text()
    assert.match(
      metrics,
      new RegExp(`^layermesh_fetched_bytes_total\\{source="upstream"\\} ${uniqueBytesOf(image)}$`, 'm'),
    )
    for (const path of ['/healthz', '/readyz']) {
      const response = await get(node, path)
      await response.body.dump()
      assert.equal(response.statusCode, 200)
    }
  })

  it('takes another node for a mirror of an upstream, and goes to the registry for what that does not have', async () => {
    const one = await start('one')
    const mirrors = JSON.stringify([`http://${one.addresses.mirror[0]}`])
    const two = await start('two', [`upstreams=[{host: origin.test, mirrors: ${mirrors}}]`])
    const { digests } = await pull(two)
    assert.deepEqual(new Set(digests), new Set(image.contents.keys()))
    const served = await ask<NodeStatus>(one, '/api/v1/status')
    assert.equal(served.bytes.fetched.upstream, uniqueBytesOf(image))
    assert.equal(origin.account().blobBytes + origin.account().manifestBytes, uniqueBytesOf(image))

    await one.stop()
    origin.add(REPOSITORY, await buildImage({ seed: 5, layerBytes: [10_000] }), { tag: 'later' })
    assert.equal((await pull(two, 'later')).digests.length, 3)
    const { upstreams = [] } = await ask<NodeStatus>(two, '/api/v1/status')
    const { endpoints = [] } = upstreams.find(({ host }) => host === 'origin.test') ?? {}
    assert.deepEqual(
      endpoints.map(({ mirror }) => mirror),
      [true, false],
    )
  })

  it('lets a second node pull from the first one alone', async () => {
    const one = await start('one')
    await pull(one)
    origin.resetAccount()
    const two = await start('two', [`mesh.bootstrap=${JSON.stringify(one.addresses.mesh)}`])
    await until(async () => {
      const [peer] = await ask<PeerStatus[]>(two, '/api/v1/peers')
      return peer?.name === 'one' && peer.holds.bytes === uniqueBytesOf(image)
    })
    await pull(two)
    const { blobBytes, manifestBytes } = origin.account()
    assert.equal(blobBytes + manifestBytes, 0)
  })

  it('serves after a restart what it held before, also by tag, when upstream is gone', async () => {
    const one = await start('one')
    await pull(one)
    await one.stop()
    await origin.close()
    const again = await start('one')
    assert.equal(again.peerId, one.peerId)
    assert.equal((await pull(again)).bytes, uniqueBytesOf(image))
  })

  it('finds its cluster again after all nodes were stopped, without a bootstrap address', async () => {
    const peersOf = (node: RunningNode) => ask<PeerStatus[]>(node, '/api/v1/peers')
    const one = await start('one')
    const two = await start('two', [`mesh.bootstrap=${JSON.stringify(one.addresses.mesh)}`])
    await until(async () => (await peersOf(one)).length === 1 && (await peersOf(two)).length === 1)
    await Promise.all([one.stop(), two.stop()])
    // The ports stay as they are, as they do where a node is configured.
    const restart = (name: string, { addresses }: RunningNode) => {
      const listen = addresses.mesh.map((address) => address.replace(/\/p2p\/.*/, ''))
      return start(name, [`mesh.listen=${JSON.stringify(listen)}`])
    }
    await restart('one', one)
    const again = await restart('two', two)
    await until(async () => (await peersOf(again)).some(({ name }) => name === 'one'))
  })

  it('joins only nodes that have the same secret', async () => {
    const secretFile = join(temp.path, 'secret')
    await writeFile(secretFile, 'a secret that is long enough\n')
    const one = await start('one', [`mesh.secretFile=${secretFile}`])
    const bootstrap = `mesh.bootstrap=${JSON.stringify(one.addresses.mesh)}`
    await start('stranger', [bootstrap])
    const two = await start('two', [bootstrap, `mesh.secretFile=${secretFile}`])
    await until(async () => (await ask<PeerStatus[]>(two, '/api/v1/peers')).length > 0)
    const names = (await ask<PeerStatus[]>(one, '/api/v1/peers')).map(({ name }) => name)
    assert.deepEqual(names, ['two'])
    assert.equal((await ask<NodeStatus>(two, '/api/v1/status')).mesh.authenticated, true)
  })

  it('says in one line that a port is taken, and leaves nothing running', async () => {
    const one = await start('one')
    const taken = `admin.listen="${one.addresses.admin}"`
    const starting = startNode(await configOf('two', [taken]), silentLog)
    await assert.rejects(starting, (error) => {
      assert.ok(error instanceof Error && 'code' in error)
      assert.equal(error.code, 'ERR_LISTEN')
      assert.ok(error.message.includes(one.addresses.admin))
      assert.ok(!error.message.includes('\n'))
      return true
    })
    // The data folder is free again: nothing of the second node has stayed.
    await start('two')
  })

  it('refuses a data folder that another node uses', async () => {
    await start('one')
    await assert.rejects(start('one'), { code: 'ERR_DATA_DIR' })
  })

  it('refuses a secret that can be guessed, and a secret file that is not there', async () => {
    const secretFile = join(temp.path, 'short')
    await writeFile(secretFile, 'short\n')
    await assert.rejects(
      start('one', [`mesh.secretFile=${secretFile}`]),
      /has 5 characters, allowed are 16 or more/,
    )
    await assert.rejects(
      start('one', [`mesh.secretFile=${temp.path}/none`]),
      /mesh\.secretFile: .*none can not be read \(ENOENT\)/,
    )
  })

  it('lets only who has the token of the data folder change something', async () => {
    const one = await start('one')
    const token = (await readFile(join(temp.path, 'one', 'admin.token'), 'utf8')).trim()
    const statusWith = async (authorization: string) => {
      const response = await request(`http://${one.addresses.admin}/api/v1/purge`, {
        method: 'POST',
        headers: { authorization },
        reset: true,
      })
      await response.body.dump()
      return response.statusCode
    }
    assert.equal(await statusWith('Bearer guessed-by-somebody'), 401)
    // A purge of nothing is refused as well, but for what it is.
    assert.equal(await statusWith(`Bearer ${token}`), 400)
  })

  it('refuses an admin token that can be guessed, and leaves nothing running', async () => {
    const tokenFile = join(temp.path, 'token')
    await writeFile(tokenFile, 'short\n')
    await assert.rejects(start('one', [`admin.tokenFile=${tokenFile}`]), {
      code: 'ERR_CONFIG_INVALID',
      message: `admin.tokenFile: the secret in ${tokenFile} has 5 characters, allowed are 16 or more`,
    })
    await start('one')
  })

  it('can be stopped twice', async () => {
    const one = await start('one')
    await Promise.all([one.stop(), one.stop()])
    await one.stop()
  })
})
