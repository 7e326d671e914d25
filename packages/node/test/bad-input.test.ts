import assert from 'node:assert/strict'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { type Digest, type PeerStatus, silentLog } from '@layermesh/interface'
import { digestHex, digestOf } from '@layermesh/oci'
import {
  buildImage,
  type BuiltContent,
  type BuiltImage,
  createTempDir,
  type OriginRegistry,
  startOrigin,
  type TempDir,
  until,
} from '@layermesh/testkit'
import { request } from 'undici'

import { type RunningNode, startNode } from '../src/index.ts'
import { testConfig } from './support/test-config.ts'

const REPOSITORY = 'library/bad'
const MiB = 1024 * 1024

describe('bad input to a node', () => {
  let temp: TempDir
  let origin: OriginRegistry
  let image: BuiltImage
  let layer: BuiltContent
  const running: RunningNode[] = []

  before(async () => {
    image = await buildImage({ seed: 6, layerBytes: [5 * MiB] })
    const [first] = image.layers
    assert.ok(first !== undefined)
    layer = first
  })

  beforeEach(async () => {
    temp = await createTempDir()
    origin = await startOrigin()
    origin.add(REPOSITORY, image, { tag: 'latest' })
  })

  afterEach(async () => {
    await Promise.all(running.splice(0).map((node) => node.stop()))
    await origin.close()
    await temp[Symbol.asyncDispose]()
  })

  async function start(name: string, bootstrap: readonly string[] = []): Promise<RunningNode> {
    const config = await testConfig({ name, dataDir: join(temp.path, name), originUrl: origin.url }, [
      `mesh.bootstrap=${JSON.stringify(bootstrap)}`,
    ])
    const node = await startNode(config, silentLog)
    running.push(node)
    return node
  }

  const mirrorUrl = (node: RunningNode, path: string) => `http://${node.addresses.mirror[0]}${path}`
  const blobPath = (digest: Digest) => `/v2/${REPOSITORY}/blobs/${digest}`
  const get = async (node: RunningNode, path: string) => {
    const response = await request(mirrorUrl(node, path), { reset: true })
    return { status: response.statusCode, body: Buffer.from(await response.body.arrayBuffer()) }
  }
  const filesIn = async (name: string, ...path: string[]) =>
    (await readdir(join(temp.path, name, 'v1', ...path), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)

  const refused: [string, number][] = [
    ['/v2/Library/bad/manifests/latest', 400],
    [`/v2/${REPOSITORY}/manifests/-latest`, 400],
    [`/v2/${REPOSITORY}/blobs/sha256:abc`, 400],
    [`/v2/${REPOSITORY}/manifests/latest?ns=unknown.test`, 404],
    [`/v2/unknown.test/${REPOSITORY}/manifests/latest`, 404],
    [`/v2/${REPOSITORY}/manifests/latest?ns=169.254.169.254`, 404],
    [`/v2/${REPOSITORY}/blobs/..%2f..%2fetc%2fpasswd`, 400],
  ]
  for (const [path, status] of refused) {
    it(`answers ${status} to ${path}, and asks no registry`, async () => {
      const reply = await get(await start('one'), path)
      assert.equal(reply.status, status)
      const { errors } = JSON.parse(reply.body.toString()) as { errors: { code: string }[] }
      assert.equal(errors.length, 1)
      assert.deepEqual(origin.requests, [])
    })
  }

  it('gives nobody a complete wrong answer, and keeps nothing, when upstream sends wrong bytes', async () => {
    const node = await start('one')
    const fault = origin.script({ match: { kind: 'blob' }, action: { type: 'corrupt', offset: 4 * MiB } })
    await assert.rejects(get(node, blobPath(layer.descriptor.digest)))
    await until(async () => (await filesIn('one', 'fills')).length === 0)
    assert.deepEqual(await filesIn('one', 'blobs'), [])
    fault[Symbol.dispose]()
    const right = await get(node, blobPath(layer.descriptor.digest))
    assert.equal(digestOf(right.body), layer.descriptor.digest)
  })

  it('goes on with a download when the client hangs up', async () => {
    const node = await start('one')
    const stall = origin.script({ match: { kind: 'blob' }, action: { type: 'stall', afterBytes: 2 * MiB } })
    const response = await request(mirrorUrl(node, blobPath(layer.descriptor.digest)), { reset: true })
    const chunks = response.body[Symbol.asyncIterator]()
    await chunks.next()
    await chunks.return?.()
    stall.release()
    await until(async () => (await filesIn('one', 'blobs')).length === 1)
    assert.deepEqual(await filesIn('one', 'blobs'), [digestHex(layer.descriptor.digest)])
    const again = await get(node, blobPath(layer.descriptor.digest))
    assert.equal(digestOf(again.body), layer.descriptor.digest)
    assert.equal(origin.account().blobBytes, layer.bytes.length)
  })

  it('takes no wrong byte from a peer whose disk has rotted', async () => {
    const { digest } = layer.descriptor
    const one = await start('one')
    await get(one, blobPath(digest))
    await until(async () => (await filesIn('one', 'blobs')).length === 1)
    await flipByte(
      join(temp.path, 'one', 'v1', 'blobs', 'sha256', digestHex(digest).slice(0, 2), digestHex(digest)),
      3 * MiB,
    )
    const two = await start('two', one.addresses.mesh)
    await until(async () => {
      const peers = JSON.parse((await getAdmin(two, '/api/v1/peers')).toString()) as PeerStatus[]
      return peers.some(({ holds }) => holds.blobs === 1)
    })
    const reply = await get(two, blobPath(digest))
    assert.equal(digestOf(reply.body), digest)
    const status = JSON.parse((await getAdmin(two, '/api/v1/status')).toString()) as {
      bytes: { fetched: { site: number; upstream: number } }
    }
    assert.ok(status.bytes.fetched.site > 0, 'what was right was taken from the peer')
    assert.equal(status.bytes.fetched.site + status.bytes.fetched.upstream, layer.bytes.length)
  })

  const getAdmin = async (node: RunningNode, path: string) =>
    Buffer.from(
      await (await request(`http://${node.addresses.admin}${path}`, { reset: true })).body.arrayBuffer(),
    )
})

async function flipByte(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, offset)
    await file.write(Buffer.of(byte.readUInt8() ^ 0xff), 0, 1, offset)
  } finally {
    await file.close()
  }
}
