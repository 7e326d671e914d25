import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { format, resolveConfig } from 'prettier'

import { readResult } from './html-report.ts'
import { withSavings } from './savings-section.ts'

// Writes the README's section on savings anew from bench/results/savings.json.

const file = fileURLToPath(new URL('../../../README.md', import.meta.url))
const text = withSavings(await readFile(file, 'utf8'), await readResult('savings'))
await writeFile(file, await format(text, { ...(await resolveConfig(file)), filepath: file }))
