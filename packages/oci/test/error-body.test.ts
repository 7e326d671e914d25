import assert from 'node:assert/strict'
import { errorBody } from '@layermesh/oci'

describe('errorBody', () => {
  it('is the JSON of the distribution-spec', () => {
    assert.equal(
      errorBody('BLOB_UNKNOWN', 'say "what"'),
      '{"errors":[{"code":"BLOB_UNKNOWN","message":"say \\"what\\""}]}',
    )
  })
})
