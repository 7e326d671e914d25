import assert from 'node:assert/strict'

import { BenchError } from '../../bench/harness/bench-error.ts'
import { planNetwork } from '../../bench/harness/topology/network-plan.ts'
import { parseTopology } from '../../bench/harness/topology/read-topology.ts'
import { nodeCount, withNodes } from '../../bench/harness/topology/topology.ts'

const TWO_REGIONS = `
upstream: { rate: 200Mbit }
regions:
  - { name: eu, rate: 50Mbit, delay: 20ms, sites: [{ name: eu-a, nodes: 2, nodeRate: 1Gbit }, { name: eu-b, rate: 500kbit, nodes: 1 }] }
  - { name: us, sites: [{ name: us-a, nodes: 2 }] }
`

function mistakesIn(yaml: string): string[] {
  try {
    parseTopology(yaml, 'x.yaml')
  } catch (error) {
    assert.ok(error instanceof BenchError)
    return error.message.split('\n')
  }
  return []
}

describe('parseTopology', () => {
  it('reads rates as bytes per second and delays in milliseconds; what has none is unlimited and at once', () => {
    const { regions, upstreamLink } = parseTopology(TWO_REGIONS, 'x.yaml')
    assert.deepEqual(upstreamLink, { rateBytesPerSecond: 25e6, delayMs: 0 })
    assert.deepEqual(regions[0]?.link, { rateBytesPerSecond: 6.25e6, delayMs: 20 })
    assert.equal(regions[0].sites[1]?.link.rateBytesPerSecond, 62_500)
    assert.deepEqual(regions[1]?.link, { rateBytesPerSecond: undefined, delayMs: 0 })
  })

  it('says each mistake in one line that names its place and its value', () => {
    const yaml = 'regions: [{ name: eu, rate: fast, delay: 2s, colour: red, sites: [{ name: a, nodes: 0 }] }]'
    assert.deepEqual(mistakesIn(yaml).toSorted(), [
      'x.yaml: regions.0 has the unknown key colour',
      'x.yaml: regions.0.delay = "2s": expected a delay in each direction below 1000ms, such as 0.5ms or 20ms',
      'x.yaml: regions.0.rate = "fast": expected a rate such as 500kbit, 20Mbit or 1Gbit',
      'x.yaml: regions.0.sites.0.nodes = 0: must be >= 1',
    ])
  })

  it('refuses what is no YAML, and two sites of one name', () => {
    assert.match(mistakesIn('regions: [').join(), /^x\.yaml is not YAML: /)
    const twice = 'regions: [{ name: eu, sites: [{ name: a, nodes: 1 }, { name: a, nodes: 1 }] }]'
    assert.deepEqual(mistakesIn(twice), ['x.yaml: there are two sites a'])
  })
})

describe('withNodes', () => {
  it('deals nodes out to the sites, the first ones first', () => {
    const topology = withNodes(parseTopology(TWO_REGIONS, 'x.yaml'), 4)
    assert.equal(nodeCount(topology), 4)
    assert.deepEqual(
      topology.regions.flatMap(({ sites }) => sites.map(({ nodes }) => nodes)),
      [2, 1, 1],
    )
  })
})

describe('planNetwork', () => {
  const plan = planNetwork(parseTopology(TWO_REGIONS, 'x.yaml'))

  it('gives each place an address of its own', () => {
    const places = [plan.upstream, plan.centralCache, ...plan.siteCaches, ...plan.nodes]
    assert.equal(new Set(places.map(({ address }) => address)).size, places.length)
  })

  it('hangs every switch and every place on one link', () => {
    const lower = plan.links.map((link) => link.lower)
    const places = [plan.upstream, plan.centralCache, ...plan.siteCaches, ...plan.nodes]
    const hanging = [
      ...plan.switches.filter((name) => name !== 'internet'),
      ...places.map(({ name }) => name),
    ]
    assert.deepEqual(lower.toSorted(), hanging.toSorted())
  })

  it('knows which nodes are below a link', () => {
    const below = (name: string) => plan.links.find((link) => link.name === name)?.nodes
    assert.deepEqual(below('region:region-eu'), ['eu-a-1', 'eu-a-2', 'eu-b-1'])
    assert.deepEqual(below('site:site-us-a'), ['us-a-1', 'us-a-2'])
    assert.equal(below('upstream:upstream')?.length, 5)
  })
})
