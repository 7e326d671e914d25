import assert from 'node:assert/strict'
import type { PeerId } from '@layermesh/interface'
import { ManualClock, seededRandom } from '@layermesh/testkit'
import { DirectoryCore, LEARNING_PATIENCE_MS } from '../src/directory-core.ts'
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

  it('is learning until it knows what a new member holds, or has waited long enough', async () => {
    const clock = new ManualClock()
    const reply = Promise.withResolvers<SyncReply>()
    async function* requestSync(): AsyncGenerator<SyncReply> {
      yield await reply.promise
    }
    const core = new DirectoryCore(
      {
        ...{ self: { peer: self, locality }, clock, random: seededRandom(1), requestSync },
        ...{ publish: () => {}, beatNow: () => {}, onAttempt: () => {} },
      },
      { batchDelayMs: 50, gapPatienceMs: 500, maxHoldingsPerPeer: 100 },
    )
    core.start()
    assert.equal(core.isLearning, false)
    core.joined({ peer: other, locality })
    assert.equal(core.isLearning, true)
    reply.resolve({ kind: 'end', epoch: 1, sequence: 0 })
    await settle()
    assert.equal(core.isLearning, false)
    core.joined({ peer: 'silent' as PeerId, locality: { region: 'us', site: 'b' } })
    assert.equal(core.isLearning, true)
    clock.advance(LEARNING_PATIENCE_MS)
    assert.equal(core.isLearning, false)
    await core.stop()
  })
})
