import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

import * as exported from '../src/index.ts'
import { ERROR_CODES, LayermeshError } from '../src/index.ts'

describe('errors', () => {
  it('are the ones of docs/errors.md, in the same order', async () => {
    const page = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
    const documented = [...page.matchAll(/^\| `(ERR_\w+)`/gm)].map(([, code]) => code)
    assert.deepEqual(documented, [...ERROR_CODES])
    assert.deepEqual(documented, documented.toSorted())
  })

  it('have one class for each code, named after it', () => {
    const classes = Object.entries(exported).filter(
      ([, value]) => typeof value === 'function' && value.prototype instanceof LayermeshError,
    )
    const codes = classes.map(
      ([name]) =>
        `ERR_${name
          .replace(/Error$/, '')
          .replace(/(?<=.)([A-Z])/g, '_$1')
          .toUpperCase()}`,
    )
    assert.deepEqual(codes.toSorted(), [...ERROR_CODES])
  })
})
