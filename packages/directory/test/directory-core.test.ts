import assert from 'node:assert/strict'
import type { PeerId } from '@layermesh/interface'
import { ManualClock, seededRandom } from '@layermesh/testkit'
import { DirectoryCore } from '../src/directory-core.ts'
import type { SyncReply } from '../src/sync-conversation.ts'
import { settle } from './support/eventually.ts'

const [self, other] = ['self', 'other'] as [PeerId, PeerId]
const locality = { region: 'eu', site: 'a' }

describe('DirectoryCore', () => {
  it('gives up a comparison whose buckets never end', async () => {
    const clock = new ManualClock()
    let replies = 0
    const attempts: boolean[] = []
    async function* requestSync(): AsyncGenerator<SyncReply> {
      // Were there no end, the test would have none either.
      for (; replies < 1000; replies += 1) yield { kind: 'part', bits: 1, buckets: [[0, []]] }
    }
    const core = new DirectoryCore(
      {
        ...{ self: { peer: self, locality }, clock, random: seededRandom(1), requestSync },
        publish: () => {},
        beatNow: () => {},
        onAttempt: (_account, { error }) => attempts.push(error !== undefined),
      },
      { batchDelayMs: 50, gapPatienceMs: 500, maxHoldingsPerPeer: 100 },
    )
    core.start()
    core.joined({ peer: other, locality })
    await settle()
    assert.equal(replies, 1)
    assert.deepEqual(attempts, [true])
    await core.stop()
  })
})
