import assert from 'node:assert/strict'
import { layerSpecsOf, type ImageSpec } from '@layermesh/testkit'
import { DEMO_NODES, DEMO_SIZE_MIB } from '../../src/demo/demo-options.ts'
import { planDemo } from '../../src/demo/demo-plan.ts'

const MiB = 1024 * 1024

function bytesOf(spec: ImageSpec): number {
  return layerSpecsOf(spec).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

describe('planDemo', () => {
  for (const sizeMiB of Object.values(DEMO_SIZE_MIB)) {
    it(`makes both versions of an image of ${sizeMiB} MiB exactly that large`, () => {
      const { versions } = planDemo({ nodes: 2, sizeBytes: sizeMiB * MiB })
      assert.deepEqual(
        versions.map(({ spec }) => bytesOf(spec)),
        [sizeMiB * MiB, sizeMiB * MiB],
      )
    })
  }

  it('replaces about a fifth of the bytes by the second version, and shares all other layers', () => {
    const sizeBytes = 100 * MiB
    const [first, second] = planDemo({ nodes: 2, sizeBytes }).versions
    const lower = layerSpecsOf(first.spec).slice(0, 3)
    assert.deepEqual(layerSpecsOf(second.spec).slice(0, 3), lower)
    const seeds = new Set([...layerSpecsOf(first.spec), ...layerSpecsOf(second.spec)].map(({ seed }) => seed))
    assert.equal(seeds.size, 6 + 3)
    assert.equal(first.newLayerBytes, sizeBytes)
    assert.ok(Math.abs(second.newLayerBytes / sizeBytes - 0.2) < 0.001)
  })

  it('spreads the nodes over two sites of one region', () => {
    const { newcomer, nodes } = planDemo({ nodes: DEMO_NODES.default, sizeBytes: MiB })
    assert.deepEqual(
      nodes.map(({ name, locality }) => `${name} ${locality.region} ${locality.site}`),
      ['a-1 demo site-a', 'a-2 demo site-a', 'a-3 demo site-a', 'b-1 demo site-b', 'b-2 demo site-b'],
    )
    assert.deepEqual(newcomer, { name: 'b-3', locality: { region: 'demo', site: 'site-b' } })
  })

  for (const count of Object.values(DEMO_NODES)) {
    it(`has ${count} nodes of different names when so many are wanted, some in each site`, () => {
      const { newcomer, nodes } = planDemo({ nodes: count, sizeBytes: MiB })
      assert.equal(nodes.length, count)
      assert.equal(new Set([...nodes, newcomer].map(({ name }) => name)).size, count + 1)
      assert.equal(new Set(nodes.map(({ locality }) => locality.site)).size, 2)
    })
  }

  it('reckons with a copy of all layers on every node', () => {
    const { diskBytes } = planDemo({ nodes: 4, sizeBytes: 100 * MiB })
    assert.equal(Math.round(diskBytes / MiB), 5 * 120)
  })
})
