import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { PeerId } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'
import type { DialResult, DialTarget } from '../src/dial-plan.ts'
import { Dialer, MAX_PARALLEL_DIALS } from '../src/dialer.ts'
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
