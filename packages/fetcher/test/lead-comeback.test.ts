import assert from 'node:assert/strict'
import { once } from 'node:events'

import { ManualClock, until } from '@layermesh/testkit'

import { COMEBACK_DELAY_MS, watchForComeback } from '../src/lead-comeback.ts'

describe('watchForComeback', () => {
  const start = (missed: readonly string[], ask: (lead: string, signal: AbortSignal) => Promise<void>) => {
    const clock = new ManualClock()
    const back: string[] = []
    const watch = watchForComeback({ clock, missed: () => missed, ask, onBack: (lead) => back.push(lead) })
    return { clock, back, watch }
  }

  it('asks again, more seldom each time, until one is back, and then nobody any more', async () => {
    const asked: string[] = []
    const { clock, back, watch } = start(['a', 'b'], async (lead) => {
      asked.push(lead)
      if (asked.length < 4) throw new Error('it stands still')
    })
    const armed = () => until(async () => clock.pendingTimers === 1)
    clock.advance(COMEBACK_DELAY_MS)
    await armed()
    assert.deepEqual(asked, ['a', 'b'])
    clock.advance(2 * COMEBACK_DELAY_MS - 1)
    assert.deepEqual(asked, ['a', 'b'])
    clock.advance(1)
    await until(async () => back.length > 0)
    assert.deepEqual([asked, back], [['a', 'b', 'a', 'b'], ['b']])
    assert.equal(clock.pendingTimers, 0)
    watch[Symbol.dispose]()
  })

  it('goes on looking while nobody is missed', async () => {
    const missed: string[] = []
    const { clock, back, watch } = start(missed, async () => {})
    clock.advance(COMEBACK_DELAY_MS)
    missed.push('a')
    await until(async () => clock.pendingTimers === 1)
    clock.advance(2 * COMEBACK_DELAY_MS)
    await until(async () => back.length > 0)
    watch[Symbol.dispose]()
  })

  it('gives up asking when it is disposed of', async () => {
    const { clock, back, watch } = start(['a'], async (_lead, signal) => {
      await once(signal, 'abort')
      throw signal.reason
    })
    clock.advance(COMEBACK_DELAY_MS)
    watch[Symbol.dispose]()
    await until(async () => true)
    assert.deepEqual([back, clock.pendingTimers], [[], 0])
  })
})
