import assert from 'node:assert/strict'

import { builtContent, seededBytes } from '@layermesh/testkit'

import { DemandLedger, lowerBoundMs } from '../../bench/harness/measures/demand.ts'
import { planNetwork } from '../../bench/harness/topology/network-plan.ts'
import { parseTopology } from '../../bench/harness/topology/read-topology.ts'

const { links } = planNetwork(
  parseTopology(
    'regions: [{ name: r, rate: 8Mbit, sites: [{ name: a, nodes: 2, nodeRate: 80Mbit }, { name: b, nodes: 1 }] }]',
    'x.yaml',
  ),
)
const blob = (sizeBytes: number) => builtContent(seededBytes(`${sizeBytes}`, sizeBytes), 'x').descriptor
const [one, two] = [blob(1000), blob(2000)]

function demandOf(ledger: DemandLedger): Record<string, number> {
  return Object.fromEntries(ledger.settle().map(({ link, bytes }) => [link, bytes]))
}

describe('DemandLedger', () => {
  it('counts content once on each link, however many nodes below ask for it', () => {
    const ledger = new DemandLedger(links)
    ledger.ask('a-1', [one, two])
    ledger.ask('a-2', [one])
    ledger.ask('b-1', [one])
    const demand = demandOf(ledger)
    assert.equal(demand['upstream:upstream'], 3000)
    assert.equal(demand['region:region-r'], 3000)
    assert.equal(demand['site:site-a'], 3000)
    assert.equal(demand['site:site-b'], 1000)
    assert.equal(demand['node:a-2'], 1000)
  })

  it("doesn't count what a node below has had in an earlier phase, unless it has lost its disk", () => {
    const ledger = new DemandLedger(links)
    ledger.ask('a-1', [one])
    ledger.settle()
    ledger.ask('a-2', [one, two])
    const demand = demandOf(ledger)
    assert.equal(demand['site:site-a'], 2000)
    assert.equal(demand['node:a-2'], 3000)
    for (const node of ['a-1', 'a-2']) ledger.forget(node)
    ledger.ask('a-1', [one])
    assert.equal(demandOf(ledger)['upstream:upstream'], 1000)
  })
})

describe('lowerBoundMs', () => {
  it('is the time of the link that takes longest', () => {
    const demand = [
      { link: 'region:region-r', bytes: 1_000_000 },
      { link: 'node:a-1', bytes: 2_000_000 },
      { link: 'upstream:upstream', bytes: 9_000_000 },
    ]
    // 1 MB over 8 Mbit/s; 2 MB over 80 Mbit/s take 200 ms, and upstream's link is not limited.
    assert.equal(lowerBoundMs(links, demand), 1000)
  })
})
