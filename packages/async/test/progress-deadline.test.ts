import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

import { type Clock, systemClock } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'

import { ProgressDeadline } from '../src/index.ts'

describe('ProgressDeadline', () => {
  const start = () => {
    const clock = new ManualClock()
    return { clock, deadline: new ProgressDeadline(clock, 1000, () => new Error('stalled')) }
  }

  it('aborts with the error once nothing has happened for the time-out', async () => {
    const { clock, deadline } = start()
    clock.advance(999)
    assert.equal(deadline.signal.aborted, false)
    clock.advance(1)
    await setImmediate()
    assert.equal((deadline.signal.reason as Error).message, 'stalled')
  })

  it('is pushed back by progress', async () => {
    const { clock, deadline } = start()
    clock.advance(900)
    deadline.progress()
    clock.advance(999)
    assert.equal(deadline.signal.aborted, false)
    clock.advance(1)
    await setImmediate()
    assert.equal(deadline.signal.aborted, true)
  })

  it('stands still while paused, until the next progress', async () => {
    const { clock, deadline } = start()
    deadline.pause()
    clock.advance(60_000)
    assert.equal(deadline.signal.aborted, false)
    deadline.progress()
    clock.advance(1000)
    await setImmediate()
    assert.equal(deadline.signal.aborted, true)
  })

  it('looks at what came while the event loop was held up before it gives up', async () => {
    using deadline = new ProgressDeadline(systemClock, 20, () => new Error('stalled'))
    const [near, far] = await socketPair()
    try {
      near.once('data', () => deadline.progress())
      far.write('a sign of life')
      // The bytes are in the socket's buffer long before the time is over, but nothing can read them.
      const heldUpUntilMs = performance.now() + 100
      while (performance.now() < heldUpUntilMs);
      await once(near, 'data')
      assert.equal(deadline.signal.aborted, false)
    } finally {
      near.destroy()
      far.destroy()
    }
  })

  it('counts only time that this process has lived through', async () => {
    const manual = new ManualClock()
    // Each timer is seen half a second late, as in a process that gets a processor only now and then.
    const late: Clock = {
      now: () => manual.now(),
      monotonicMs: () => manual.monotonicMs(),
      setTimer: (delayMs, callback) => manual.setTimer(delayMs + 500, callback),
    }
    using deadline = new ProgressDeadline(late, 1000, () => new Error('stalled'))
    manual.advance(4999)
    await setImmediate()
    assert.equal(deadline.signal.aborted, false)
    manual.advance(1)
    await setImmediate()
    assert.equal(deadline.signal.aborted, true)
  })

  it('leaves no timer behind when disposed of', () => {
    const { clock, deadline } = start()
    deadline[Symbol.dispose]()
    assert.equal(clock.pendingTimers, 0)
    clock.advance(5000)
    assert.equal(deadline.signal.aborted, false)
  })
})

async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(near, 'connect')
  const [far] = (await accepted) as [Socket]
  server.close()
  return [near, far]
}
