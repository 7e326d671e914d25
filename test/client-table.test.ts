import assert from 'node:assert/strict'

import { type Cell, SCENARIOS } from './client-table/cell.ts'
import { CLIENTS } from './client-table/clients.ts'
import { hostSuite } from './client-table/debian-suite.ts'
import { expectedOutcome } from './client-table/expected.ts'
import { type RowResult, runClients } from './client-table/run-clients.ts'
import { whyNoSandbox } from './client-table/sandbox.ts'
import { describeWithTools } from './support/debian-tools.ts'

/** The suite whose clients need no system of their own in tests. */
const SUITE = 'bookworm'

const missing = [...(hostSuite() === SUITE ? [] : [`Debian ${SUITE}`]), whyNoSandbox() ?? []].flat()

describeWithTools(
  `real clients of Debian ${SUITE}`,
  {
    tools: ['containerd', 'ctr', 'dockerd', 'docker', 'skopeo', 'podman', 'buildah', 'ip', 'openssl'],
    root: true,
    missing,
  },
  function () {
    this.timeout(1_800_000)

    let results: readonly RowResult[] = []
    const stop = new AbortController()

    before(async () => {
      const rows = CLIENTS.filter(({ suite }) => suite === SUITE)
      results = await runClients(rows, SCENARIOS, { signal: stop.signal })
    })

    after(() => {
      stop.abort()
    })

    for (const row of CLIENTS.filter(({ suite }) => suite === SUITE)) {
      describe(row.name, () => {
        for (const scenario of SCENARIOS) {
          const expected = expectedOutcome(row, scenario)
          it(`${scenario}: ${expected}`, () => {
            const result = results.find(({ row: { name } }) => name === row.name)
            assert.equal(result?.problem, undefined)
            const cell: Cell | undefined = result?.cells.find((each) => each.scenario === scenario)
            assert.equal(cell?.outcome, expected, cell?.error)
          })
        }
      })
    }
  },
)
