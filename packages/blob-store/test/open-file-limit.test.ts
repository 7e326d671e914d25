import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { digestOf } from '@layermesh/oci'
import { seededBytes } from '@layermesh/testkit'
import { assertInvariants } from './support/assert-invariants.ts'
import { putBlob } from './support/blob-actions.ts'
import type { OpenManyReport } from './support/open-many.ts'
import { openTempStorage } from './support/temp-storage.ts'

const script = join(import.meta.dirname, 'support/open-many.ts')
const contents = new Map(
  [0, 1, 2, 3, 4]
    .map((index) => seededBytes(`blob ${index}`, 300_000 * index))
    .map((bytes) => [digestOf(bytes), bytes]),
)

describe('a store that may open few files', () => {
  it('fails with EMFILE, drops nothing, and reads all when files were closed', async () => {
    await using temp = await openTempStorage()
    for (const bytes of contents.values()) await putBlob(temp.current.blobs, bytes)
    let report: OpenManyReport | undefined
    const storage = await temp.reopen(async () => {
      const command = 'ulimit -n 48; exec "$0" "$@"'
      const args = ['-c', command, process.execPath, script, temp.layout.dataDir]
      report = JSON.parse((await promisify(execFile)('bash', args)).stdout) as OpenManyReport
    })
    assert.ok(report!.opened > 0, 'nothing could be opened')
    assert.equal(report!.codes['open'], 'EMFILE')
    assert.equal(report!.codes['verify'], 'EMFILE')
    assert.equal(report!.codes['startFill'], 'ERR_FILL_WRITE of EMFILE')
    assert.ok(['EMFILE', undefined].includes(report!.codes['read']), report!.codes['read'])
    assert.equal(report!.codes['stat'], undefined)
    assert.deepEqual(report!.removed, [])
    assert.equal(report!.readRight, contents.size)
    await assertInvariants(storage, temp.layout, { contents, held: contents.keys() })
  })
})
