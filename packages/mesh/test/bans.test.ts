import assert from 'node:assert/strict'
import type { PeerId } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'
import { Bans } from '../src/bans.ts'

describe('Bans', () => {
  const alice = 'alice' as PeerId

  it('lasts as long as it was given', () => {
    const clock = new ManualClock()
    const bans = new Bans(clock)
    assert.equal(bans.has(alice), false)
    bans.add(alice, 1000)
    clock.advance(999)
    assert.equal(bans.has(alice), true)
    assert.equal(bans.endOf(alice), 1000)
    clock.advance(1)
    assert.equal(bans.has(alice), false)
    assert.equal(bans.endOf(alice), undefined)
  })

  it('is not cut short by a shorter one', () => {
    const bans = new Bans(new ManualClock())
    bans.add(alice, 1000)
    bans.add(alice, 10)
    assert.equal(bans.endOf(alice), 1000)
    bans.add(alice, 2000)
    assert.equal(bans.endOf(alice), 2000)
  })
})
