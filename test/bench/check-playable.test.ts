import assert from 'node:assert/strict'

import { BenchError } from '../../bench/harness/bench-error.ts'
import type { LabMode } from '../../bench/harness/lab/open-lab.ts'
import { checkPlayable } from '../../bench/harness/scenarios/check-playable.ts'
import { scenariosByName } from '../../bench/harness/scenarios/scenarios.ts'
import { parseTopology } from '../../bench/harness/topology/read-topology.ts'
import { withNodes } from '../../bench/harness/topology/topology.ts'

const LAN = parseTopology('regions: [{ name: home, sites: [{ name: rack, nodes: 3 }] }]', 'x.yaml')

function mistakeOf(name: string, nodes: number, mode: LabMode = 'auto', noNamespaces?: string): string {
  const [scenario] = scenariosByName([name])
  assert.ok(scenario)
  try {
    checkPlayable(scenario, { topology: withNodes(LAN, nodes), mode, noNamespaces })
  } catch (error) {
    assert.ok(error instanceof BenchError)
    return error.message
  }
  return ''
}

describe('checkPlayable', () => {
  it('lets pass what can be played', () => {
    assert.equal(mistakeOf('fan-out', 1), '')
    assert.equal(mistakeOf('fan-out', 3, 'loopback'), '')
    assert.equal(mistakeOf('fan-out', 3, 'auto', 'namespaces need root'), '')
    assert.equal(mistakeOf('slow-peer', 3, 'netns'), '')
  })

  it('refuses namespaces that can not be had, where they are asked for', () => {
    assert.equal(mistakeOf('fan-out', 3, 'netns', 'namespaces need root'), 'namespaces need root')
  })

  it('refuses a scenario about links where there are none', () => {
    const start = 'slow-peer needs links whose rates can be set'
    assert.equal(mistakeOf('slow-peer', 3, 'loopback'), `${start}: loopback has none`)
    assert.equal(mistakeOf('slow-peer', 3, 'auto', 'namespaces need root'), `${start}: namespaces need root`)
  })

  it('refuses too few nodes for the scenario, and too many for a site', () => {
    assert.equal(mistakeOf('outage', 1), 'outage needs at least 2 nodes: there would be 1')
    assert.equal(mistakeOf('fan-out', 300), '300 nodes in the site rack: expected at most 200')
  })
})
