import assert from 'node:assert/strict'
import { ManualClock } from '@layermesh/testkit'
import { pipe } from 'it-pipe'
import { stallGuard } from '../src/stall-guard.ts'

const TIMEOUT_MS = 10_000

/** A guarded source that yields what `push` is given, and rejects when it is cut. */
function setUp() {
  const clock = new ManualClock()
  let pending = Promise.withResolvers<Uint8Array>()
  async function* source(): AsyncGenerator<Uint8Array> {
    for (;;) {
      yield await pending.promise
      pending = Promise.withResolvers()
    }
  }
  const guarded = pipe(
    source(),
    stallGuard({
      clock,
      timeoutMs: TIMEOUT_MS,
      makeError: () => new Error('stalled'),
      cut: (error) => pending.reject(error),
    }),
  )
  return { clock, guarded, push: (text: string) => pending.resolve(Buffer.from(text)) }
}

describe('stallGuard', () => {
  it('throws when the source is silent for too long', async () => {
    const { clock, guarded } = setUp()
    const next = guarded.next()
    clock.advance(TIMEOUT_MS)
    await assert.rejects(next, new Error('stalled'))
    assert.equal(clock.pendingTimers, 0)
  })

  it('waits anew after each chunk', async () => {
    const { clock, guarded, push } = setUp()
    for (let round = 0; round < 3; round += 1) {
      const next = guarded.next()
      clock.advance(TIMEOUT_MS - 1)
      push('chunk')
      assert.deepEqual(await next, { done: false, value: Buffer.from('chunk') })
    }
  })

  it('does not count the time that the reader takes', async () => {
    const { clock, guarded, push } = setUp()
    push('one')
    await guarded.next()
    clock.advance(10 * TIMEOUT_MS)
    const next = guarded.next()
    push('two')
    assert.deepEqual(await next, { done: false, value: Buffer.from('two') })
  })

  it('leaves no timer behind when the reader goes away', async () => {
    const { clock, guarded, push } = setUp()
    push('one')
    await guarded.next()
    await guarded.return(undefined)
    assert.equal(clock.pendingTimers, 0)
  })
})
