import assert from 'node:assert/strict'

import {
  BlobCorruptError,
  ContentUnavailableError,
  FillWriteError,
  UpstreamDeniedError,
  UpstreamNotFoundError,
  UpstreamProtocolError,
  UpstreamRateLimitedError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'

import { spoilsFill } from '../src/fill-end.ts'

describe('spoilsFill', () => {
  const unavailable = (cause: Error) => new ContentUnavailableError('no source', { cause })
  for (const { reason, expected } of [
    { reason: new BlobCorruptError(digestOf(Buffer.from('a')), 'another'), expected: true },
    { reason: new FillWriteError('disk'), expected: true },
    { reason: new UpstreamNotFoundError('404'), expected: true },
    { reason: new UpstreamDeniedError('403'), expected: true },
    { reason: unavailable(new UpstreamProtocolError('416')), expected: true },
    { reason: unavailable(new UpstreamUnreachableError('502')), expected: false },
    { reason: new UpstreamRateLimitedError('429', undefined), expected: false },
    { reason: new DOMException('the node is stopping', 'AbortError'), expected: false },
  ]) {
    it(`says ${expected} after ${reason.name}: ${reason.message}`, () => {
      assert.equal(spoilsFill(reason), expected)
    })
  }
})
