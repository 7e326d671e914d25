import assert from 'node:assert/strict'
import { digestOf } from '@layermesh/oci'
import { ImageGraph } from '../src/image-graph.ts'
import type { BlobRole } from '../src/eviction-policy.ts'

const named = (name: string) => digestOf(Buffer.from(name))
const [index, amd64, arm64, config, layer, shared] = [
  'index',
  'amd64',
  'arm64',
  'config',
  'layer',
  'shared',
].map(named)
const manifest = (...references: [string, BlobRole][]) => ({
  mediaType: 'm',
  references: references.map(([name, role]) => ({ digest: named(name), sizeBytes: 1, role })),
})

describe('ImageGraph', () => {
  let graph: ImageGraph
  beforeEach(() => {
    graph = new ImageGraph()
    graph.add(named('index'), manifest(['amd64', 'manifest'], ['arm64', 'manifest']))
    graph.add(named('amd64'), manifest(['config', 'config'], ['layer', 'layer'], ['shared', 'layer']))
    graph.add(named('other'), manifest(['shared', 'layer']))
  })

  it('knows what a blob is to the images', () => {
    const roles = ['index', 'arm64', 'config', 'layer', 'nobody'].map((name) => graph.roleOf(named(name)))
    assert.deepEqual(roles, ['manifest', 'manifest', 'config', 'layer', 'layer'])
  })

  it('walks down to everything that an image needs, held or not', () => {
    assert.deepEqual([...graph.closureOf(named('index'))], [index, amd64, arm64, config, layer, shared])
    assert.deepEqual([...graph.closureOf(named('nobody'))], [named('nobody')])
  })

  it('walks up to every image that needs a blob', () => {
    assert.deepEqual(new Set(graph.ancestorsOf(named('shared'))), new Set([amd64, named('other'), index]))
  })

  it('forgets a manifest and what it needed, and nothing else', () => {
    graph.remove(named('amd64'))
    graph.remove(named('amd64'))
    assert.deepEqual(new Set(graph.ancestorsOf(named('shared'))), new Set([named('other')]))
    assert.deepEqual([...graph.parentsOf(named('layer'))], [])
    assert.equal(graph.roleOf(named('amd64')), 'manifest', 'the index still says so')
  })

  it('ends on manifests that need each other', () => {
    graph.add(named('a'), manifest(['b', 'manifest']))
    graph.add(named('b'), manifest(['a', 'manifest']))
    assert.equal([...graph.closureOf(named('a'))].length, 2)
    assert.equal([...graph.ancestorsOf(named('a'))].length, 2)
  })
})
