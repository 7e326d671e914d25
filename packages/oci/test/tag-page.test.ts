import assert from 'node:assert/strict'
import { cutTagPage, isReferrersTag } from '@layermesh/oci'

const all = ['a', 'b', 'c', 'd']

describe('cutTagPage', () => {
  for (const [title, query, given, expected] of [
    ['leaves a page of the right length', 'n=2', [['a', 'b'], 'n=2&last=b'], [['a', 'b'], 'n=2&last=b']],
    ['leaves a whole list', '', [all, undefined], [all, undefined]],
    ['leaves the last page', 'n=3&last=b', [['c', 'd'], undefined], [['c', 'd'], undefined]],
    ['cuts what is longer than was asked for', 'n=2', [all, undefined], [['a', 'b'], 'n=2&last=b']],
    ['goes on after the last one', 'n=2&last=b', [all, undefined], [['c', 'd'], undefined]],
    ['goes on in the middle', 'n=1&last=b', [all, undefined], [['c'], 'n=1&last=c']],
    ['leaves out what a page begins after', 'last=c', [all, undefined], [['d'], undefined]],
    ['gives nothing and no link when nothing is asked for', 'n=0', [all, 'n=4&last=d'], [[], undefined]],
    ['gives an empty list', 'n=2', [[], undefined], [[], undefined]],
    ['keeps what else was asked for', 'n=1&x=y', [all, undefined], [['a'], 'n=1&x=y&last=a']],
  ] as const) {
    it(title, () => {
      const [tags, nextQuery] = given
      const page = cutTagPage({ tags, nextQuery }, query)
      assert.deepEqual([page.tags, page.nextQuery], expected)
    })
  }

  it('gives every tag once when its queries are followed, whatever upstream does', () => {
    const found: string[] = []
    let query: string | undefined = 'n=3'
    while (query !== undefined) {
      const page = cutTagPage({ tags: all, nextQuery: undefined }, query)
      found.push(...page.tags)
      query = page.nextQuery
    }
    assert.deepEqual(found, all)
  })
})

describe('isReferrersTag', () => {
  const hex = '0'.repeat(64)
  for (const tag of [
    `sha256-${hex}`,
    `sha512-${hex}`,
    `sha256-${hex}.sig`,
    `sha256-${hex}.att`,
    `sha256-${hex}.sbom`,
  ]) {
    it(`is true for ${tag.slice(0, 9)}…${tag.slice(71)}`, () => {
      assert.equal(isReferrersTag(tag), true)
    })
  }
  for (const tag of [
    'latest',
    `sha256-${hex.slice(1)}`,
    `sha256-${hex}0`,
    `md5-${hex}`,
    `v1-sha256-${hex}`,
  ]) {
    it(`is false for ${tag.slice(0, 12)}`, () => {
      assert.equal(isReferrersTag(tag), false)
    })
  }
})
