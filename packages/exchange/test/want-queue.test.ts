import assert from 'node:assert/strict'
import { WantQueue } from '../src/want-queue.ts'

const { signal } = new AbortController()

describe('WantQueue', () => {
  it('hands out indexes in the order in which they were asked for, then waits', async () => {
    const wants = new WantQueue()
    wants.answered()
    wants.push(3)
    wants.push(1)
    assert.equal(await wants.next(signal), 3)
    assert.equal(await wants.next(signal), 1)
    const waiting = wants.next(signal)
    wants.answered()
    wants.push(2)
    assert.equal(await waiting, 2)
  })

  it('throws ERR_PEER_PROTOCOL when more than two are unanswered, the opening included', () => {
    const wants = new WantQueue()
    wants.push(0)
    assert.throws(() => wants.push(1), { code: 'ERR_PEER_PROTOCOL' })
    wants.answered()
    wants.push(1)
    assert.throws(() => wants.push(2), { code: 'ERR_PEER_PROTOCOL' })
  })

  it('is idle when everything is answered', () => {
    const wants = new WantQueue()
    assert.equal(wants.idle, false)
    wants.answered()
    assert.equal(wants.idle, true)
    wants.push(0)
    assert.equal(wants.idle, false)
  })

  it('yields what was asked for before the end, then undefined', async () => {
    const wants = new WantQueue()
    wants.push(4)
    wants.end()
    assert.equal(await wants.next(signal), 4)
    assert.equal(await wants.next(signal), undefined)
  })

  it('stops waiting when the signal is aborted, with its reason', async () => {
    const wants = new WantQueue()
    const controller = new AbortController()
    const waiting = wants.next(controller.signal)
    const reason = new Error('gone')
    controller.abort(reason)
    await assert.rejects(waiting, reason)
  })
})
