import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configurationDocs } from './configuration-docs.ts'

// What `npm run docs` runs.
await writeFile(join(import.meta.dirname, '../../../docs/configuration.md'), configurationDocs())
