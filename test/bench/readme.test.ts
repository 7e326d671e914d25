import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { format, resolveConfig } from 'prettier'

import { readResult } from '../../bench/harness/report/html-report.ts'
import { withSavings } from '../../bench/harness/report/savings-section.ts'

describe('README.md', () => {
  it('says of savings what bench/results/savings.json says (else: npm run bench:readme)', async () => {
    const file = fileURLToPath(new URL('../../README.md', import.meta.url))
    const readme = await readFile(file, 'utf8')
    const expected = withSavings(readme, await readResult('savings'))
    assert.equal(readme, await format(expected, { ...(await resolveConfig(file)), filepath: file }))
  })
})
