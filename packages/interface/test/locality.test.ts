import assert from 'node:assert/strict'

import { linkClassOf } from '../src/index.ts'

describe('linkClassOf', () => {
  const paris = { region: 'eu', site: 'paris' }
  const cases = [
    [{ region: 'eu', site: 'paris' }, 'site'],
    [{ region: 'eu', site: 'lyon' }, 'region'],
    [{ region: 'us', site: 'austin' }, 'world'],
    [{ region: 'us', site: 'paris' }, 'world'],
  ] as const
  for (const [other, expected] of cases) {
    it(`is ${expected} between eu/paris and ${other.region}/${other.site}, in both directions`, () => {
      assert.equal(linkClassOf(paris, other), expected)
      assert.equal(linkClassOf(other, paris), expected)
    })
  }
})
