import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { digestOf } from '@layermesh/oci'
import { DataLayout, layoutVersionOf } from '../src/data-layout.ts'

describe('DataLayout', () => {
  const layout = new DataLayout('/data')
  const digest = digestOf(Buffer.from('a'))
  const long = digestOf(Buffer.from('a'), 'sha512')

  it('puts a blob into the folder of its first two digits', () => {
    const hex = digest.slice('sha256:'.length)
    assert.equal(layout.blobPath(digest), `/data/v1/blobs/sha256/${hex.slice(0, 2)}/${hex}`)
    assert.match(layout.blobPath(long), /^\/data\/v1\/blobs\/sha512\/1f\/1f40fc92/)
  })

  it('names each fill anew, within what a file name may have', () => {
    assert.notEqual(layout.newFillFiles(digest).part, layout.newFillFiles(digest).part)
    const { part, journal } = layout.newFillFiles(long)
    assert.match(part, /^\/data\/v1\/fills\/[^/]{1,250}\.part$/)
    assert.equal(journal, part.replace(/part$/, 'journal'))
    assert.ok(basename(journal).length <= 255)
  })
})

describe('layoutVersionOf', () => {
  for (const [name, version] of [
    ['v1', 1],
    ['v12', 12],
    ['v0', undefined],
    ['v01', undefined],
    ['v2.old', undefined],
    ['identity', undefined],
  ] as const) {
    it(`takes the folder ${name} for ${version === undefined ? 'no layout' : `layout ${version}`}`, () => {
      assert.equal(layoutVersionOf(name), version)
    })
  }
})
