import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { DemoClient } from '../../src/demo/demo-client.ts'
import { DemoCluster } from '../../src/demo/demo-cluster.ts'
import { planDemo } from '../../src/demo/demo-plan.ts'
import { processesWith } from './support/processes-with.ts'

const PLAN = planDemo({ nodes: 2, sizeBytes: 1024 * 1024 })
const NODE_COMMAND = [process.execPath, join(import.meta.dirname, '../../src/main.ts'), 'serve']
const { signal } = new AbortController()

describe('DemoCluster', () => {
  let temp: TempDir
  const systemTmpDir = process.env['TMPDIR']

  beforeEach(async () => {
    temp = await createTempDir()
    process.env['TMPDIR'] = temp.path
  })

  afterEach(async () => {
    if (systemTmpDir === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = systemTmpDir
    assert.deepEqual(await readdir(temp.path), [])
    assert.deepEqual(await processesWith(`TMPDIR=${temp.path}`), [])
    await temp[Symbol.asyncDispose]()
  })

  it('counts what its registry has sent, also when that is stopped, and what its nodes have served', async () => {
    await using cluster = await DemoCluster.open({ nodeCommand: NODE_COMMAND, diskBytes: 0 })
    const image = await cluster.publish(PLAN.repository, PLAN.versions[0])
    assert.ok(image.uniqueBytes > PLAN.versions[0].newLayerBytes)
    const client = new DemoClient(await cluster.addNode(PLAN.newcomer, signal))
    assert.equal((await cluster.counts(signal)).upstreamBytes, 0)
    await client.pull(image, { signal, onBytes: () => {} })
    await cluster.stopOrigin()
    const { traffic, upstreamBytes } = await cluster.counts(signal)
    assert.equal(upstreamBytes, image.uniqueBytes)
    assert.equal(traffic.servedBytes.upstream, image.uniqueBytes)
  })

  it('tells with the name of the node and its warnings that an image can not be pulled', async () => {
    await using cluster = await DemoCluster.open({ nodeCommand: NODE_COMMAND, diskBytes: 0 })
    const image = await cluster.publish(PLAN.repository, PLAN.versions[0])
    const client = new DemoClient(await cluster.addNode(PLAN.newcomer, signal))
    await cluster.stopOrigin()
    await assert.rejects(
      client.pull(image, { signal, onBytes: () => {} }),
      /^Error: demo\/shop:v1 could not be pulled through node b-2: .* was answered 404; its last warnings: /,
    )
  })

  it('names a node that does not start, and why', async () => {
    const nodeCommand = [process.execPath, '-e', 'console.error("no room"); process.exit(1)', '--']
    await using cluster = await DemoCluster.open({ nodeCommand, diskBytes: 0 })
    await assert.rejects(
      cluster.addNode(PLAN.nodes[0], signal),
      /^Error: node a-1 did not start: the node has ended: no room$/,
    )
  })

  it('is not opened where the disk is too full for it', async () => {
    await assert.rejects(
      DemoCluster.open({ nodeCommand: NODE_COMMAND, diskBytes: 1e18 }),
      /^Error: the nodes need 888\.2 PiB under .*, where .* are free: choose a smaller --size/,
    )
  })
})
