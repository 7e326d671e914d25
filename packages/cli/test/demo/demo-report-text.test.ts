import assert from 'node:assert/strict'
import { reportText } from '../../src/demo/demo-report-text.ts'
import { reportDemo } from '../../src/demo/demo-report.ts'
import { MEASURED, MiB } from './support/measured-phases.ts'

const OPTIONS = { nodes: 5, sizeBytes: 64 * MiB }

describe('reportText', () => {
  it('has a column for each phase, then says what it comes down to', () => {
    assert.equal(
      reportText(reportDemo(OPTIONS, MEASURED)),
      `                                              COLD START          ROLL-OUT  REGISTRY STOPPED
                                     v1, 5 nodes at once  v2, node by node    v2, a new node

time                                               4.2 s             3.3 s             1.0 s
pulled by the clients                          320.0 MiB          60.0 MiB          64.0 MiB
  from their own node's disk                         0 B          10.0 MiB               0 B
  from a node of the same site                 192.0 MiB          30.0 MiB          64.0 MiB
  from a node of the other site                 64.0 MiB          10.0 MiB               0 B
  from the registry                             64.0 MiB          10.0 MiB               0 B
carried between the sites                       64.0 MiB          10.0 MiB               0 B

sent by the registry, its own count             64.0 MiB          15.0 MiB               0 B
unique bytes among those pulled                 64.0 MiB          10.0 MiB          64.0 MiB
registry / unique                                   1.00              1.50              0.00
saved                                          256.0 MiB          45.0 MiB          64.0 MiB
                                                  80.0 %            75.0 %           100.0 %

6 nodes pulled 444.0 MiB; the registry sent 79.0 MiB, 1.07 times what was needed.
The other 365.0 MiB (82.2 %) came from the nodes themselves.
`,
    )
  })

  it('says so when the registry sent every byte once', () => {
    const [coldStart, , registryStopped] = MEASURED
    const text = reportText(reportDemo(OPTIONS, [coldStart!, registryStopped!]))
    assert.match(text, /^6 nodes pulled 384\.0 MiB; the registry sent 64\.0 MiB, every byte once\.$/m)
  })

  it('fits a terminal of 100 columns with the largest numbers', () => {
    const huge = MEASURED.map((phase) => ({ ...phase, seconds: 599.9, deliveredBytes: 1023.9 * MiB }))
    const lines = reportText(reportDemo({ ...OPTIONS, nodes: 20 }, huge)).split('\n')
    assert.ok(lines.every((line) => line.length <= 100))
  })
})
