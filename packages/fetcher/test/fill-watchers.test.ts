import assert from 'node:assert/strict'

import { ManualClock } from '@layermesh/testkit'

import { FillWatchers } from '../src/fill-watchers.ts'

describe('FillWatchers', () => {
  const create = (graceMs: number | undefined) => {
    const clock = new ManualClock()
    let deserted = 0
    const watchers = new FillWatchers(clock, graceMs, () => (deserted += 1))
    return { clock, watchers, deserted: () => deserted }
  }

  it('tells when nobody has been there for the grace', () => {
    const { clock, watchers, deserted } = create(1000)
    const client = watchers.add('client')
    const peer = watchers.add('peer')
    client[Symbol.dispose]()
    client[Symbol.dispose]()
    clock.advance(1000)
    assert.equal(watchers.has('client'), false)
    assert.equal(watchers.isEmpty, false)
    assert.equal(deserted(), 0)
    peer[Symbol.dispose]()
    clock.advance(999)
    assert.equal(deserted(), 0)
    clock.advance(1)
    assert.equal(deserted(), 1)
  })

  it('begins the grace anew with each that leaves', () => {
    const { clock, watchers, deserted } = create(1000)
    for (let round = 0; round < 3; round += 1) {
      watchers.add('node')[Symbol.dispose]()
      clock.advance(999)
    }
    assert.equal(deserted(), 0)
  })

  it('never tells when it does not matter', () => {
    const { clock, watchers, deserted } = create(undefined)
    watchers.add('client')[Symbol.dispose]()
    assert.equal(clock.pendingTimers, 0)
    assert.equal(deserted(), 0)
  })

  it('tells at once when there is no grace any more', () => {
    const { watchers, deserted } = create(undefined)
    const client = watchers.add('client')
    watchers.endGrace()
    client[Symbol.dispose]()
    assert.equal(deserted(), 1)
  })

  it('tells nothing and leaves no timer after its end', () => {
    const { clock, watchers, deserted } = create(1000)
    watchers.add('client')[Symbol.dispose]()
    watchers.end()
    watchers.add('client')[Symbol.dispose]()
    assert.equal(clock.pendingTimers, 0)
    assert.equal(deserted(), 0)
  })
})
