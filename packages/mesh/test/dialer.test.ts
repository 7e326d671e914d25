import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { PeerId } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'
import type { DialResult, DialTarget } from '../src/dial-plan.ts'
import {
  Dialer,
  MAX_PARALLEL_DIALS,
  MAX_SEARCH_HOLDS_MS,
  SEARCH_HOLDS_MS,
  SEARCH_TIMEOUT_MS,
} from '../src/dialer.ts'
import { KeptLog } from './support/kept-log.ts'

describe('Dialer', () => {
  const address = '/ip4/192.0.2.1/tcp/4001'
  const alice = 'alice' as PeerId

  /** A dialer whose dials end when a test says so. */
  const create = (bootstrap: readonly string[] = []) => {
    const clock = new ManualClock()
    const log = new KeptLog()
    const dials: (PromiseWithResolvers<DialResult> & { readonly target: DialTarget })[] = []
    const dial = (target: DialTarget, signal: AbortSignal) => {
      const ending = { ...Promise.withResolvers<DialResult>(), target }
      signal.addEventListener('abort', () => ending.reject(signal.reason as Error))
      dials.push(ending)
      return ending.promise
    }
    const dialer = new Dialer(
      { clock, log, random: () => 0, unreached: () => {}, isMember: () => false, dial },
      { self: 'self' as PeerId, bootstrap },
    )
    return { clock, log, dials, dialer }
  }

  it('dials nobody before it is started, and then whom it has learned of', async () => {
    const { dialer, dials } = create()
    dialer.learn(alice, [address])
    assert.equal(dials.length, 0)
    await dialer.start()
    assert.deepEqual(dials[0]?.target.peer, alice)
    await dialer.stop()
  })

  it('dials again when the delay after a failure is over', async () => {
    const { clock, dialer, dials } = create([address])
    await dialer.start()
    dials[0]?.reject(new Error('nobody is there'))
    await setImmediate()
    clock.advance(999)
    assert.equal(dials.length, 1)
    clock.advance(1)
    assert.equal(dials.length, 2)
    await dialer.stop()
  })

  it('warns of a bootstrap address that fails once, and only of those', async () => {
    const { clock, dialer, dials, log } = create([address])
    dialer.learn(alice, [address])
    await dialer.start()
    for (const { reject } of dials) reject(new Error('nobody is there'))
    await setImmediate()
    clock.advance(1000)
    for (const { reject } of dials) reject(new Error('nobody is there'))
    await setImmediate()
    assert.deepEqual(
      log.lines.map(({ level, message }) => `${level} ${message}`),
      ['warn', 'debug', 'debug', 'debug'].map((level) => `${level} peer not reached`),
    )
    await dialer.stop()
  })

  describe('search', () => {
    it('dials at once whom it misses, and those that it hears of from them', async () => {
      const { clock, dialer, dials } = create([address])
      await dialer.start()
      dials[0]?.reject(new Error('nobody is there'))
      await setImmediate()
      assert.equal(dialer.isCutOff(0), true)
      const searching = dialer.search()
      assert.equal(dials.length, 2)
      dialer.learn(alice, [address])
      dials[1]?.resolve({ kind: 'refused' })
      await setImmediate()
      dials[2]?.resolve({ kind: 'refused' })
      await searching
      assert.equal(dialer.isCutOff(0), false)
      assert.equal(clock.pendingTimers, 1, 'that of the next dial')
      await dialer.stop()
    })

    it('ends after a while when somebody does not answer, and holds longer each time that nobody is met', async () => {
      const { clock, dialer } = create([address])
      await dialer.start()
      for (const holdsMs of [
        SEARCH_HOLDS_MS,
        2 * SEARCH_HOLDS_MS,
        4 * SEARCH_HOLDS_MS,
        MAX_SEARCH_HOLDS_MS,
      ]) {
        const searching = dialer.search()
        assert.equal(dialer.search(), searching, 'one at a time')
        clock.advance(SEARCH_TIMEOUT_MS)
        await searching
        clock.advance(holdsMs - 1)
        assert.equal(dialer.isCutOff(0), false)
        clock.advance(1)
        assert.equal(dialer.isCutOff(0), true)
      }
      await dialer.stop()
    })

    it('is not called for while there are as many members as are missed', async () => {
      const { dialer } = create([address])
      assert.equal(dialer.isCutOff(1), false)
    })
  })

  it('has a bounded number of dials under way, and goes on as they end', async () => {
    const { dialer, dials } = create()
    await dialer.start()
    for (let index = 0; index < 2 * MAX_PARALLEL_DIALS; index += 1) {
      dialer.learn(`peer-${index}` as PeerId, [address])
    }
    assert.equal(dials.length, MAX_PARALLEL_DIALS)
    dials[0]?.resolve({ kind: 'refused' })
    await setImmediate()
    assert.equal(dials.length, MAX_PARALLEL_DIALS + 1)
    await dialer.stop()
  })

  it('ends what is under way when it is stopped, leaves no timer and starts nothing more', async () => {
    const { clock, dialer, dials, log } = create([address, address])
    await dialer.start()
    dials[0]?.reject(new Error('nobody is there'))
    await setImmediate()
    await dialer.stop()
    await dialer.stop()
    dialer.learn(alice, [address])
    dialer.left(alice)
    assert.equal(clock.pendingTimers, 0)
    clock.advance(1_000_000)
    assert.equal(dials.length, 2)
    assert.equal(log.lines.length, 1)
  })
})
