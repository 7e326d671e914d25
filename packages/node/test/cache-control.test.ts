import assert from 'node:assert/strict'
import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { ImageStatus, NodeStatus, PinStatus, PurgeReport, VerifyProgress } from '@layermesh/interface'
import { silentLog } from '@layermesh/interface'
import { digestHex } from '@layermesh/oci'
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

const REPOSITORY = 'library/kept'
const NAME = `origin.test/${REPOSITORY}`
const MiB = 1024 * 1024

describe('the cache of a node, over its admin endpoint', () => {
  let temp: TempDir
  let origin: OriginRegistry
  let first: BuiltImage
  let second: BuiltImage
  const running: RunningNode[] = []

  before(async () => {
    first = await buildImage({ seed: 31, layerBytes: [3 * MiB, 40_000] })
    second = await buildImage({ seed: 32, layerBytes: [50_000] })
  })

  beforeEach(async () => {
    temp = await createTempDir()
    origin = await startOrigin()
    origin.add(REPOSITORY, first, { tag: 'one' })
    origin.add(REPOSITORY, second, { tag: 'two' })
  })

  afterEach(async () => {
    await Promise.all(running.splice(0).map((node) => node.stop()))
    await origin.close()
    await temp[Symbol.asyncDispose]()
  })

  async function start(name: string, changes: readonly string[] = []): Promise<RunningNode> {
    const dataDir = join(temp.path, name)
    const node = await startNode(
      await testConfig({ name, dataDir, originUrl: origin.url }, changes),
      silentLog,
    )
    running.push(node)
    return node
  }

  async function stop(node: RunningNode): Promise<void> {
    running.splice(running.indexOf(node), 1)
    await node.stop()
  }

  /** Pulls an image, and waits until what is to be kept of it is on disk. */
  async function pull(node: RunningNode, reference: string) {
    const url = `http://${node.addresses.mirror[0]}`
    const result = await pullImage({ url, repository: REPOSITORY, reference })
    const statusUrl = `http://${node.addresses.admin}/api/v1/status`
    await until(async () => {
      const response = await request(statusUrl, { reset: true })
      return ((await response.body.json()) as NodeStatus).cache.fills === 0
    })
    return result
  }

  async function ask<Answer>(node: RunningNode, name: string, method: string, path: string, body?: object) {
    const token = (await readFile(join(temp.path, name, 'admin.token'), 'utf8')).trim()
    const response = await request(`http://${node.addresses.admin}/api/v1/${path}`, {
      method: method as 'GET',
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      body: body === undefined ? null : JSON.stringify(body),
      reset: true,
    })
    const text = await response.body.text()
    assert.equal(response.statusCode, 200, text)
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Answer)
      .at(-1)!
  }

  const images = (node: RunningNode, name: string) => ask<ImageStatus[]>(node, name, 'GET', 'images')

  it('shows images with their sizes, and who else has all of them', async () => {
    const one = await start('one')
    await pull(one, 'one')
    await pull(one, 'two')
    // Not before: it could lead for all that the first node fetches.
    const two = await start('two', [`mesh.bootstrap=${JSON.stringify(one.addresses.mesh)}`])
    await pull(two, 'one')
    await until(async () => (await images(one, 'one')).some(({ holders }) => holders.site === 1))
    const [a, b] = await images(one, 'one')
    assert.deepEqual(
      [a, b].map((image) => [image!.repository, image!.tags, image!.complete, image!.holders.site]),
      [
        [REPOSITORY, ['one'], true, 1],
        [REPOSITORY, ['two'], true, 0],
      ],
    )
    assert.equal(a!.digest, first.manifest.descriptor.digest)
    assert.ok(a!.sizeBytes > 3 * MiB && a!.ownBytes === a!.sizeBytes)
    assert.ok(Math.abs(Date.now() - Date.parse(a!.lastUsedAt)) < 3_600_000)
  })

  it('pins an image, also before it is here, until it is unpinned, and across a restart', async () => {
    const node = await start('one')
    const early = await ask<PinStatus>(node, 'one', 'PUT', 'pins', { image: `${NAME}:one` })
    assert.deepEqual([early.image, early.digest, early.bytes], [`${NAME}:one`, null, 0])
    await pull(node, 'one')
    await stop(node)
    const again = await start('one')
    const [pin] = await ask<PinStatus[]>(again, 'one', 'GET', 'pins')
    assert.equal(pin!.digest, first.manifest.descriptor.digest)
    assert.ok(pin!.bytes > 3 * MiB)
    assert.equal((await images(again, 'one'))[0]!.pinned, true)

    const kept = await ask<PurgeReport>(again, 'one', 'POST', 'purge', {
      select: { all: true },
      dryRun: false,
    })
    assert.deepEqual([kept.blobs, kept.kept.pinnedImages], [0, [`${NAME}:one`]])
    await ask(again, 'one', 'DELETE', `pins?image=${encodeURIComponent(`${NAME}:one`)}`)
    const all = await ask<PurgeReport>(again, 'one', 'POST', 'purge', {
      select: { all: true },
      dryRun: false,
    })
    assert.deepEqual(all.images, [`${NAME}:one`])
    assert.equal(all.bytes, pin!.bytes)
    assert.deepEqual(await images(again, 'one'), [])
  })

  it('says what a purge would free, then frees it, and the next pull fetches it again', async () => {
    const node = await start('one')
    await pull(node, 'one')
    await pull(node, 'two')
    const select = { image: `${NAME}:one` }
    const plan = await ask<PurgeReport>(node, 'one', 'POST', 'purge', { select, dryRun: true })
    assert.equal((await images(node, 'one')).length, 2)
    const done = await ask<PurgeReport>(node, 'one', 'POST', 'purge', { select, dryRun: false })
    assert.deepEqual({ ...done, dryRun: true }, plan)
    assert.deepEqual(
      (await images(node, 'one')).map(({ tags }) => tags),
      [['two']],
    )
    const before = origin.account().blobBytes
    await pull(node, 'one')
    assert.equal(origin.account().blobBytes - before, done.bytes - first.manifest.bytes.length)
  })

  it('finds a damaged blob by verifying, tells the cluster, and fetches it again', async () => {
    const node = await start('one')
    await pull(node, 'one')
    const [layer] = first.layers
    const hex = digestHex(layer!.descriptor.digest)
    const path = join(temp.path, 'one', 'v1/blobs/sha256', hex.slice(0, 2), hex)
    await flipByte(path, MiB)
    const end = await ask<VerifyProgress>(node, 'one', 'POST', 'verify', { select: { all: true } })
    assert.deepEqual([end.done, end.damaged], [true, [layer!.descriptor.digest]])
    assert.equal(end.blobs, end.totalBlobs)
    assert.equal((await readdir(join(temp.path, 'one', 'v1/quarantine'))).length, 1)
    await until(async () => {
      const { cache } = await ask<NodeStatus>(node, 'one', 'GET', 'status')
      return cache.blobs === end.totalBlobs && cache.fills === 0
    })
    assert.deepEqual(await readFile(path), Buffer.from(layer!.bytes))
    const clean = await ask<VerifyProgress>(node, 'one', 'POST', 'verify', {
      select: { image: `${NAME}:one` },
    })
    assert.deepEqual(clean.damaged, [])
  })

  it('keeps to its budget, and passes on what has no room', async () => {
    const node = await start('one', ['cache.maxBytes=1MiB'])
    const { bytes } = await pull(node, 'one')
    assert.ok(bytes > 3 * MiB)
    await pull(node, 'two')
    const { cache } = await ask<NodeStatus>(node, 'one', 'GET', 'status')
    assert.ok(cache.bytes <= MiB && cache.bytes > 40_000, `${cache.bytes} bytes are kept`)
    assert.equal((await images(node, 'one')).find(({ tags }) => tags.includes('one'))?.complete, false)
  })
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
