import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MAX_REPOSITORY_NAME_LENGTH, parseRepositoryName } from '@layermesh/oci'

const alphanumeric = fc.stringMatching(/^[a-z0-9]{1,8}$/)
const component = fc
  .tuple(
    alphanumeric,
    fc.array(fc.tuple(fc.constantFrom('.', '_', '__', '-', '---'), alphanumeric), { maxLength: 3 }),
  )
  .map(([first, others]) => first + others.flat().join(''))

describe('parseRepositoryName', () => {
  it('takes every name of the grammar', () => {
    fc.assert(
      fc.property(fc.array(component, { minLength: 1, maxLength: 5 }), (components) => {
        const name = components.join('/')
        fc.pre(name.length <= MAX_REPOSITORY_NAME_LENGTH)
        assert.equal(parseRepositoryName(name), name)
      }),
    )
  })

  for (const name of [
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    'A',
    'a.',
    '.a',
    'a..b',
    'a___b',
    '-a',
    'a-',
    'a/../b',
    'a/./b',
    'a\\b',
    'a\0b',
    'a b',
    'a:b',
    'a%2fb',
    'é',
    'a\n',
  ]) {
    it(`rejects ${JSON.stringify(name)} with ERR_NAME_INVALID`, () => {
      assert.throws(() => parseRepositoryName(name), { code: 'ERR_NAME_INVALID' })
    })
  }

  it('takes the longest name and rejects a longer one with ERR_NAME_INVALID', () => {
    const longest = 'a'.repeat(MAX_REPOSITORY_NAME_LENGTH)
    assert.equal(parseRepositoryName(longest), longest)
    assert.throws(() => parseRepositoryName(`${longest}a`), { code: 'ERR_NAME_INVALID' })
  })

  it('answers at once for a name that is made to make a grammar backtrack', () => {
    assert.throws(() => parseRepositoryName(`${'a-'.repeat(127)}!`), { code: 'ERR_NAME_INVALID' })
    assert.throws(() => parseRepositoryName(`${'a'.repeat(1_000_000)}!`), { code: 'ERR_NAME_INVALID' })
  })
})
