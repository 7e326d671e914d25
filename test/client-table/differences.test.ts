import assert from 'node:assert/strict'

import { type Cell, SCENARIOS } from './cell.ts'
import { CLIENTS, type ClientRow } from './clients.ts'
import { differences } from './differences.ts'
import { expectedOutcome } from './expected.ts'

const NONE = { requests: 0, succeeded: 0, bytes: 0 }
const row: ClientRow = CLIENTS.find(({ name }) => name === 'containerd (bookworm)')!

function cellsOf({ name }: ClientRow): Cell[] {
  return SCENARIOS.map((scenario) => ({
    client: name,
    scenario,
    outcome: expectedOutcome(row, scenario),
    durationMs: 1,
    mirror: NONE,
    source: NONE,
    registry: NONE,
  }))
}

describe('differences', () => {
  it('are none when every cell is as expected', () => {
    assert.deepEqual(differences([{ row, version: '1.6.20', cells: cellsOf(row) }]), [])
  })

  it('name the client, the scenario, both outcomes, and why it failed', () => {
    const cells = cellsOf(row).map((cell): Cell =>
      cell.scenario === 'cut' ? { ...cell, outcome: 'failed', error: 'reset' } : cell,
    )
    assert.deepEqual(differences([{ row, version: '1.6.20', cells }]), [
      'containerd (bookworm), cut: failed, expected is ok, fell back (reset)',
    ])
  })

  it('are none for a client that could not be set up', () => {
    assert.deepEqual(differences([{ row, problem: 'needs Debian package containerd', cells: [] }]), [])
  })

  it('are said of a client that was set up and has a scenario missing', () => {
    assert.deepEqual(differences([{ row, version: '1.6.20', problem: 'ended', cells: [] }]), [
      'containerd (bookworm): ended',
    ])
  })
})
