import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { PieceWaiters } from '../src/piece-waiters.ts'
import { isPending } from './support/blob-actions.ts'

describe('PieceWaiters', () => {
  it('wakes all who wait for a piece and nobody else', async () => {
    const waiters = new PieceWaiters()
    const first = waiters.wait(1, undefined)
    const second = waiters.wait(1, undefined)
    const other = waiters.wait(2, undefined)
    waiters.wake(1)
    await Promise.all([first, second])
    assert.ok(await isPending(other))
    waiters.wake(2)
    await other
    assert.equal(waiters.size, 0)
  })

  it('can be waited for again after a wake', async () => {
    const waiters = new PieceWaiters()
    const first = waiters.wait(1, undefined)
    waiters.wake(1)
    const second = waiters.wait(1, undefined)
    await first
    assert.ok(await isPending(second))
    waiters.wake(1)
    await second
    assert.equal(waiters.size, 0)
  })

  it('rejects all with the reason of rejectAll', async () => {
    const waiters = new PieceWaiters()
    const reason = new Error('over')
    const both = Promise.allSettled([waiters.wait(0, undefined), waiters.wait(7, undefined)])
    waiters.rejectAll(reason)
    assert.deepEqual(
      (await both).map((outcome) => outcome.status === 'rejected' && outcome.reason === reason),
      [true, true],
    )
    assert.equal(waiters.size, 0)
  })

  it('rejects with the reason of the signal and forgets the waiter', async () => {
    const waiters = new PieceWaiters()
    const controller = new AbortController()
    const reason = new Error('gone')
    const aborted = waiters.wait(0, controller.signal)
    controller.abort(reason)
    await assert.rejects(aborted, (error) => error === reason)
    await assert.rejects(waiters.wait(0, controller.signal), (error) => error === reason)
    assert.equal(waiters.size, 0)
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
  })

  it('leaves no listener at the signal after a wake', async () => {
    const waiters = new PieceWaiters()
    const { signal } = new AbortController()
    const woken = waiters.wait(0, signal)
    waiters.wake(0)
    await woken
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })
})
