import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '@layermesh/testkit'
import { WAIT_FRAME, waitFramesUntil, withWaitFrames } from '../src/wait-frames.ts'

describe('wait frames', () => {
  describe('waitFramesUntil', () => {
    it('yields one after each interval, and none once the work is over', async () => {
      const clock = new ManualClock()
      const work = Promise.withResolvers<number>()
      const frames = waitFramesUntil(work.promise, clock, 200)
      for (let turn = 0; turn < 3; turn += 1) {
        const next = frames.next()
        clock.advance(200)
        assert.deepEqual(await next, { done: false, value: WAIT_FRAME })
      }
      const last = frames.next()
      clock.advance(199)
      work.resolve(1)
      assert.equal((await last).done, true)
      assert.equal(clock.pendingTimers, 0)
    })

    it('ends without an error when the work fails', async () => {
      const clock = new ManualClock()
      const frames = waitFramesUntil(Promise.reject(new Error('failed')), clock, 200)
      assert.deepEqual(await Array.fromAsync(frames), [])
    })
  })

  describe('withWaitFrames', () => {
    it('fills the pauses between frames, and closes its source', async () => {
      const clock = new ManualClock()
      const late = Promise.withResolvers<Uint8Array>()
      let closed = false
      async function* source() {
        try {
          yield Uint8Array.of(1)
          yield await late.promise
        } finally {
          closed = true
        }
      }
      const frames = withWaitFrames(clock, 200)(source())
      assert.deepEqual((await frames.next()).value, Uint8Array.of(1))
      const pause = frames.next()
      await setImmediate()
      clock.advance(200)
      assert.deepEqual((await pause).value, WAIT_FRAME)
      const next = frames.next()
      late.resolve(Uint8Array.of(2))
      assert.deepEqual((await next).value, Uint8Array.of(2))
      await frames.return()
      assert.ok(closed)
      assert.equal(clock.pendingTimers, 0)
    })

    it('passes on the error of its source', async () => {
      const clock = new ManualClock()
      async function* source() {
        yield await Promise.resolve(Uint8Array.of(1))
        throw new Error('the disk failed')
      }
      await assert.rejects(Array.fromAsync(withWaitFrames(clock, 200)(source())), /the disk failed/)
      assert.equal(clock.pendingTimers, 0)
    })
  })
})
