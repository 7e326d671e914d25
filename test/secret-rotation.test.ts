import assert from 'node:assert/strict'
import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import {
  buildImage,
  createTempDir,
  type NodeProcess,
  type OriginRegistry,
  pullImage,
  startOrigin,
  type TempDir,
  until,
  whenHoldingsKnown,
} from '@layermesh/testkit'

import { Cluster, UPSTREAM_HOST } from './support/cluster.ts'
import { runCommand } from './support/run-command.ts'

const CLI = fileURLToPath(new URL('../packages/cli/src/main.ts', import.meta.url))
const NAMES = ['one', 'two', 'three']
const REPOSITORY = 'team/app'
const LAYER_BYTES = [40_000, 20_000]

describe('replacing the secret of a running cluster', function () {
  this.timeout(600_000)

  let temp: TempDir
  let origin: OriginRegistry
  let cluster: Cluster
  let pulls: number

  beforeEach(async () => {
    temp = await createTempDir()
    origin = await startOrigin()
    cluster = new Cluster({ dir: temp.path, upstreamUrl: origin.url })
    for (const name of NAMES) await cluster.addNode(name)
    pulls = 0
  })

  afterEach(async () => {
    await cluster.stop()
    await origin.close()
    await temp[Symbol.asyncDispose]()
  })

  const secretFile = (name: string) => join(temp.path, name, 'secret')
  const secretText = (name: string) => readFile(secretFile(name), 'utf8')

  /** Runs one of the two steps of `layermesh secret` on the first node's file. */
  const change = (option: '--rotate' | '--retire') =>
    runCommand(process.execPath, [CLI, 'secret', '--file', secretFile('one'), option])

  /** Gives a node the first node's file, and waits until it has taken it over. */
  const take = async (index: number, accepted: number) => {
    const [name, node] = [NAMES[index], cluster.nodes[index]]
    assert.ok(name !== undefined && node !== undefined)
    if (index > 0) await copyFile(secretFile('one'), secretFile(name))
    await node.waitForLog((line) => line.msg === 'cluster secret changed' && line['accepted'] === accepted)
  }

  /** Has one node after the other pull an image that nobody has: upstream may send it once. The first one is another one each time. */
  const pullThroughEachOther = async () => {
    const image = await buildImage({ seed: pulls, layerBytes: LAYER_BYTES })
    const tag = `v${pulls}`
    origin.add(REPOSITORY, image, { tag })
    origin.resetAccount()
    const start = pulls % cluster.nodes.length
    const [first, ...others] = [...cluster.nodes.slice(start), ...cluster.nodes.slice(0, start)]
    assert.ok(first !== undefined)
    pulls += 1
    const pull = ({ mirrorUrl }: NodeProcess) =>
      pullImage({ url: mirrorUrl, namespace: UPSTREAM_HOST, repository: REPOSITORY, reference: tag })
    await pull(first)
    // Each node has all images: those that it was not the first to pull, too.
    const held = pulls * image.contents.size
    for (const other of others) await whenHoldingsKnown(other, first, held)
    for (const other of others) await pull(other)
    const { byDigest } = origin.account()
    for (const { descriptor, bytes } of image.contents.values()) {
      assert.equal(
        byDigest[descriptor.digest],
        bytes.length,
        `upstream sends ${descriptor.digest} of ${tag} once`,
      )
    }
  }

  /** How many hellos have ended well at all nodes together. */
  const admissions = async () => {
    const texts = await Promise.all(
      cluster.nodes.map(async ({ adminUrl }) => (await fetch(`${adminUrl}/metrics`)).text()),
    )
    const counts = texts.map(
      (text) => /^layermesh_mesh_hello_total\{outcome="admitted"\} (\d+)$/m.exec(text)?.[1],
    )
    return counts.reduce((sum, count) => sum + Number(count), 0)
  }

  it('lets nodes pull through each other at each step, and loses no member', async () => {
    const old = await secretText('one')
    const before = await admissions()
    await pullThroughEachOther()
    await change('--rotate')
    for (const index of NAMES.keys()) {
      await take(index, 2)
      await pullThroughEachOther()
    }
    await change('--retire')
    for (const index of NAMES.keys()) {
      await take(index, 1)
      await pullThroughEachOther()
    }
    // Each pair has proven the new secret, at both of its ends.
    await until(async () => (await admissions()) >= before + NAMES.length * (NAMES.length - 1))
    await pullThroughEachOther()

    for (const name of NAMES) assert.ok(!(await secretText(name)).includes(old.trim()))
    for (const node of cluster.nodes) {
      assert.deepEqual(
        (await node.peers()).map(({ state }) => state),
        ['up', 'up'],
      )
      const bad = node.log.filter(({ msg }) => msg === 'peer left' || msg === 'peer refused')
      assert.deepEqual(bad, [])
    }

    // A newcomer comes with the secret that the cluster began with.
    const giveUp = new AbortController()
    const late = cluster.addNode('late', { signal: giveUp.signal })
    const refused = await cluster.nodes[0]?.waitForLog(({ msg }) => msg === 'peer refused')
    assert.equal(refused?.['outcome'], 'secret')
    giveUp.abort(new Error('it is not let in'))
    await assert.rejects(late, /it is not let in/)
  })
})
