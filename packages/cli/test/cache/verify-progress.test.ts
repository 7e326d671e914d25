import assert from 'node:assert/strict'
import { progressText } from '../../src/cache/verify-progress.ts'

describe('progressText', () => {
  const progress = {
    done: false,
    blobs: 1,
    bytes: 2 ** 20,
    totalBlobs: 3,
    totalBytes: 3 * 2 ** 20,
    damaged: [],
  }

  it('says how far it is', () => {
    assert.equal(progressText(progress), 'verifying 1.0 MiB of 3.0 MiB (33 %)')
    assert.equal(progressText({ ...progress, totalBytes: 0, bytes: 0 }), 'verifying 0 B of 0 B (100 %)')
  })

  it('says what was damaged', () => {
    assert.match(progressText({ ...progress, damaged: ['sha256:0'] }), /, 1 damaged blob$/)
    assert.match(progressText({ ...progress, damaged: ['sha256:0', 'sha256:1'] }), /, 2 damaged blobs$/)
  })
})
