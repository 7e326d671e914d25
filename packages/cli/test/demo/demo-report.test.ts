import assert from 'node:assert/strict'
import { reportDemo } from '../../src/demo/demo-report.ts'
import { MEASURED, MiB } from './support/measured-phases.ts'

describe('reportDemo', () => {
  const report = reportDemo({ nodes: 5, sizeBytes: 64 * MiB }, MEASURED)

  it('relates what the registry sent to what was unique, and to what it would have sent', () => {
    assert.deepEqual(
      report.phases.map(({ upstreamPerUnique, savedBytes, savedPercent }) => [
        upstreamPerUnique,
        savedBytes / MiB,
        savedPercent,
      ]),
      [
        [1, 256, 80],
        [1.5, 45, 75],
        [0, 64, 100],
      ],
    )
  })

  it('adds up the phases; nothing was needed from a registry that is stopped', () => {
    const { deliveredBytes, savedBytes, savedPercent, seconds, uniqueBytes, upstreamBytes } = report.total
    assert.deepEqual(
      [deliveredBytes, upstreamBytes, uniqueBytes, savedBytes].map((bytes) => bytes / MiB),
      [444, 79, 74, 365],
    )
    assert.equal(seconds, 8.5)
    assert.equal(savedPercent, (100 * 365) / 444)
  })

  it('keeps what was measured', () => {
    assert.deepEqual({ ...report.phases[0], ...MEASURED[0] }, report.phases[0])
    assert.deepEqual([report.nodes, report.sizeBytes], [5, 64 * MiB])
  })
})
