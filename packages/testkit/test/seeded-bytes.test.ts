import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { digestOf } from '@layermesh/oci'
import { seededBytes } from '../src/seeded-bytes.ts'

describe('seededBytes', () => {
  it('makes the same bytes for the same seed on every machine', () => {
    assert.equal(
      digestOf(seededBytes('1/0', 100_000)),
      'sha256:0a904281752ad723ff39ec9b4e5d47b65f8ef7e6ae52648ab98a3f6c3745cdb2',
    )
  })

  it('makes other bytes for another seed', () => {
    assert.notDeepEqual(seededBytes('a', 64), seededBytes('b', 64))
  })

  it('makes bytes that do not compress', () => {
    const bytes = seededBytes('a', 100_000)
    assert.ok(gzipSync(bytes, { level: 9 }).length >= bytes.length)
  })

  it('makes no bytes when none are asked for', () => {
    assert.equal(seededBytes('a', 0).length, 0)
  })
})
