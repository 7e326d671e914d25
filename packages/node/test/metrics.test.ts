import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

import { silentLog } from '@layermesh/interface'
import { createTempDir } from '@layermesh/testkit'
import { request } from 'undici'

import { startNode } from '../src/index.ts'
import { testConfig } from './support/test-config.ts'

interface DocumentedMetric {
  readonly name: string
  readonly type: string
  readonly labels: readonly string[]
}

describe('metrics of a node', () => {
  it('are those of docs/metrics.md, with the same types and labels', async () => {
    await using temp = await createTempDir()
    const config = await testConfig({ name: 'scraped', dataDir: temp.path, originUrl: 'http://127.0.0.1:9' })
    const node = await startNode(config, silentLog)
    const response = await request(`http://${node.addresses.admin}/metrics`, { reset: true })
    const scraped = parseScrape(await response.body.text())
    await node.stop()
    const page = await readFile(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')
    assert.deepEqual(scraped, parsePage(page))
  })
})

function parseScrape(text: string): DocumentedMetric[] {
  const types = [...text.matchAll(/^# TYPE (layermesh_\w+) (\w+)$/gm)]
  return types
    .map(([, name = '', type = '']) => ({ name, type, labels: labelsOf(name, text) }))
    .toSorted((a, b) => a.name.localeCompare(b.name))
}

function labelsOf(name: string, text: string): string[] {
  const sample = new RegExp(`^${name}(?:_bucket)?\\{([^}]*)\\}`, 'm').exec(text)?.[1] ?? ''
  return [...sample.matchAll(/(\w+)="/g)]
    .map(([, label = '']) => label)
    .filter((label) => label !== 'le')
    .toSorted()
}

function parsePage(page: string): DocumentedMetric[] {
  const rows = [...page.matchAll(/^\| `(layermesh_\w+)` +\| (\w+) +\| (.*?) +\|/gm)]
  return rows.map(([, name = '', type = '', labels = '']) => ({
    name,
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label).toSorted(),
  }))
}
