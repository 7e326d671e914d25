import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { createTempDir, NodeCluster, whenHoldingsKnown, type TempDir } from '@layermesh/testkit'

const STUB = fileURLToPath(new URL('support/stub-node.ts', import.meta.url))
const UPSTREAM = { host: 'origin.test', url: 'http://127.0.0.1:9' }

describe('NodeCluster', () => {
  let temp: TempDir

  beforeEach(async () => {
    temp = await createTempDir()
  })

  afterEach(async () => {
    await temp[Symbol.asyncDispose]()
  })

  it('adds nodes that know each other, several at the same time', async () => {
    const command = [process.execPath, STUB]
    await using cluster = new NodeCluster({ command, dir: temp.path, upstream: UPSTREAM })
    const one = await cluster.addNode('one')
    const [two, three] = await Promise.all([cluster.addNode('two'), cluster.addNode('three')])
    assert.deepEqual(new Set(cluster.nodes), new Set([one, two, three]))
    for (const node of cluster.nodes) assert.equal((await node.peers()).length, 2)
  })

  it('says when holdings are known, and stops waiting on an abort', async () => {
    const command = [process.execPath, STUB]
    await using cluster = new NodeCluster({ command, dir: temp.path, upstream: UPSTREAM })
    const one = await cluster.addNode('one')
    const two = await cluster.addNode('two')
    await whenHoldingsKnown(one, two, 3)
    const controller = new AbortController()
    const tooMany = whenHoldingsKnown(one, two, 4, { signal: controller.signal })
    const reason = new Error('enough')
    controller.abort(reason)
    await assert.rejects(tooMany, (error) => error === reason)
  })

  it('ends nodes that do not serve yet when it is stopped, and those that are added later', async () => {
    const command = [process.execPath, '-e', 'setInterval(() => {}, 1000)', '--']
    const cluster = new NodeCluster({ command, dir: temp.path, upstream: UPSTREAM })
    const start = cluster.addNode('one')
    const [added] = await Promise.allSettled([start, cluster.stop()])
    assert.equal(added.status, 'rejected')
    await assert.rejects(cluster.addNode('two'), /the cluster is being stopped/)
    await cluster.stop()
  })
})
