import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configurationDocs } from '../src/configuration-docs.ts'
import { SETTING_KEYS } from '../src/setting-keys.ts'

describe('configurationDocs', () => {
  it('is what docs/configuration.md says', async () => {
    const file = join(import.meta.dirname, '../../../docs/configuration.md')
    assert.equal(await readFile(file, 'utf8'), configurationDocs(), 'run: npm run docs')
  })

  it('has a heading for each setting', () => {
    const lines = configurationDocs().split('\n')
    const headings = lines.filter((line) => line.startsWith('#')).map((line) => line.replace(/^#+ /, ''))
    for (const key of SETTING_KEYS) assert.ok(headings.includes(`\`${key}\``), key)
  })
})
