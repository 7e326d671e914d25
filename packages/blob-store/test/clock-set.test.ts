import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { digestOf } from '@layermesh/oci'
import { ManualClock, seededBytes, until } from '@layermesh/testkit'
import { assertInvariants } from './support/assert-invariants.ts'
import { putBlob } from './support/blob-actions.ts'
import { flipByte } from './support/flip-byte.ts'
import { openTempStorage } from './support/temp-storage.ts'

const MiB = 1024 * 1024
const DAY_MS = 86_400_000
const YEAR_MS = 365 * DAY_MS
const UPKEEP_MS = 60_000
const bytes = seededBytes('bytes', 1000)
const digest = digestOf(bytes)
const unfinished = seededBytes('unfinished', 2 * MiB)
const contents = new Map([[digest, bytes]])
const tag = { upstream: 'docker.io', repository: 'library/nginx', tag: 'latest' }

/** A clock that somebody sets while time goes on. */
class SettableClock extends ManualClock {
  /** How far it has been set forward, in milliseconds; negative when back. */
  setByMs = 0

  override now(): number {
    return super.now() + this.setByMs
  }

  /** Moves on to the next upkeep of a store that only waits for it, and resolves when that is done. */
  async letUpkeepRun(): Promise<void> {
    const isAsleep = () => Promise.resolve(this.pendingTimers === 1)
    await until(isAsleep)
    this.advance(UPKEEP_MS)
    await until(isAsleep)
  }
}

describe('a store whose clock is set', () => {
  for (const [name, setByMs] of Object.entries({ forward: 2 * YEAR_MS, back: -2 * YEAR_MS })) {
    it(`lets nothing go when it is set ${name} while the daemon runs`, async () => {
      const clock = new SettableClock()
      await using temp = await openTempStorage({ clock, init: { unusedForMs: 30 * DAY_MS } })
      const { current: storage, layout } = temp
      await putBlob(storage.blobs, bytes)
      const record = { digest, mediaType: 'text/plain', sizeBytes: bytes.length, confirmedAtMs: clock.now() }
      await storage.tags.put(tag, record)
      const fill = await storage.blobs.startFill(digestOf(unfinished), unfinished.length)
      await fill.write(0, unfinished.subarray(0, MiB))
      await fill.pause(new Error('paused'))
      assert.equal((await readdir(layout.fills)).length, 2)
      clock.setByMs = setByMs
      await clock.letUpkeepRun()
      assert.equal((await readdir(layout.fills)).length, 2)
      // Tags are looked through once a day.
      clock.advance(DAY_MS)
      await clock.letUpkeepRun()
      assert.deepEqual(await storage.tags.find(tag), record)
      await assertInvariants(storage, layout, { contents, held: [digest] })
    })

    it(`lets a fill that was paused then go after a day when it is set ${name} and set right`, async () => {
      const clock = new SettableClock()
      await using temp = await openTempStorage({ clock })
      const { current: storage, layout } = temp
      clock.setByMs = setByMs
      const fill = await storage.blobs.startFill(digestOf(unfinished), unfinished.length)
      await fill.write(0, unfinished.subarray(0, MiB))
      await fill.pause(new Error('paused'))
      clock.setByMs = 0
      await clock.letUpkeepRun()
      assert.equal((await readdir(layout.fills)).length, 2)
      clock.advance(DAY_MS)
      await clock.letUpkeepRun()
      assert.deepEqual(await readdir(layout.fills), [])
    })
  }

  it('keeps an unused blob no longer than it should after a restart with an earlier time', async () => {
    const clock = new SettableClock()
    clock.setByMs = 2 * YEAR_MS
    await using temp = await openTempStorage({ clock, init: { unusedForMs: 30 * DAY_MS } })
    await putBlob(temp.current.blobs, bytes)
    const storage = await temp.reopen(() => {
      clock.setByMs = 0
      return Promise.resolve()
    })
    await clock.letUpkeepRun()
    await assertInvariants(storage, temp.layout, { contents, held: [digest] })
    clock.advance(30 * DAY_MS)
    await clock.letUpkeepRun()
    await assertInvariants(storage, temp.layout, { contents, gone: [digest] })
  })

  it('verifies a blob in the period after a restart with an earlier time', async () => {
    const clock = new SettableClock()
    clock.setByMs = 2 * YEAR_MS
    await using temp = await openTempStorage({ clock, init: { scrubEveryMs: 7 * DAY_MS } })
    await putBlob(temp.current.blobs, bytes)
    const storage = await temp.reopen(async () => {
      clock.setByMs = 0
      await flipByte(temp.layout.blobPath(digest), 5)
    })
    await storage.reconciled
    const startMs = clock.monotonicMs()
    await until(async () => {
      clock.advance(DAY_MS)
      const isFound = (await readdir(temp.layout.quarantine)).length > 0
      // Some days more: what time does here doesn't wait for the scrubber.
      assert.ok(isFound || clock.monotonicMs() - startMs < 1000 * DAY_MS, 'not verified')
      return isFound
    })
    await assertInvariants(storage, temp.layout, { contents, gone: [digest] })
  })
})
