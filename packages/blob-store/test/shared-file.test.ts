import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { SharedFile } from '../src/shared-file.ts'

describe('SharedFile', () => {
  it('is closed when its last owner lets go', async () => {
    const file = new SharedFile(await open(import.meta.filename))
    file.retain()
    await file.release()
    assert.notEqual(file.handle.fd, -1)
    await file.release()
    assert.equal(file.handle.fd, -1)
  })
})
