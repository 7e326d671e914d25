import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { ManualClock } from '@layermesh/testkit'
import { SAME_KEYSTROKE_MS, stopSignal } from '../src/stop-signal.ts'

function listening() {
  const emitter = new EventEmitter()
  const clock = new ManualClock()
  const seen = { repeated: 0 }
  const stopped = stopSignal({ emitter, clock, onRepeated: () => void (seen.repeated += 1) })
  return { emitter, clock, seen, stopped }
}

describe('stopSignal', () => {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    it(`resolves at ${signal}`, async () => {
      const { emitter, stopped } = listening()
      emitter.emit(signal)
      await stopped
    })
  }

  it('takes a signal that npm has passed on for the same keystroke', () => {
    const { emitter, clock, seen } = listening()
    emitter.emit('SIGINT')
    clock.advance(SAME_KEYSTROKE_MS)
    emitter.emit('SIGINT')
    assert.equal(seen.repeated, 0)
  })

  it('tells when somebody presses Ctrl-C again', () => {
    const { emitter, clock, seen } = listening()
    emitter.emit('SIGTERM')
    clock.advance(SAME_KEYSTROKE_MS + 1)
    emitter.emit('SIGINT')
    assert.equal(seen.repeated, 1)
  })
})
