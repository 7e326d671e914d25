import assert from 'node:assert/strict'

import { FillWriteError, StoreFullError } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'

import {
  isRefusedByStore,
  MAX_MEMORY_BYTES,
  MAX_MEMORY_FILL_BYTES,
  UnkeptFills,
} from '../src/unkept-fills.ts'

const DIGEST = digestOf(Buffer.from('any'))

describe('UnkeptFills', () => {
  it('gives memory to small blobs, to all together only so much, and again when it is free', async () => {
    const unkept = new UnkeptFills()
    assert.equal(unkept.startInMemory(DIGEST, MAX_MEMORY_FILL_BYTES + 1), undefined)
    const fills = Array.from({ length: MAX_MEMORY_BYTES / MAX_MEMORY_FILL_BYTES }, () =>
      unkept.startInMemory(DIGEST, MAX_MEMORY_FILL_BYTES),
    )
    const [first] = fills
    assert.ok(first !== undefined)
    assert.equal(unkept.startInMemory(DIGEST, 1), undefined)
    const handle = first.open()
    await first.fail(new Error('over'))
    assert.equal(unkept.startInMemory(DIGEST, 1), undefined, 'a handle still has it')
    await handle[Symbol.asyncDispose]()
    await handle[Symbol.asyncDispose]()
    assert.notEqual(unkept.startInMemory(DIGEST, MAX_MEMORY_FILL_BYTES), undefined)
    assert.equal(unkept.startInMemory(DIGEST, 1), undefined)
  })
})

describe('isRefusedByStore', () => {
  it('tells a store without room from other trouble', () => {
    assert.equal(isRefusedByStore(new StoreFullError('full')), true)
    assert.equal(isRefusedByStore(new FillWriteError('failing')), true)
    assert.equal(isRefusedByStore(new Error('else')), false)
  })
})
