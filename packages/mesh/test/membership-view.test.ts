import assert from 'node:assert/strict'
import type { NodeFacts, PeerId } from '@layermesh/interface'
import {
  BEAT_INTERVAL_MS,
  GONE_AFTER_MS,
  MembershipView,
  SUSPECT_AFTER_MS,
  TICK_INTERVAL_MS,
  type Beat,
  type MembershipEvent,
} from '@layermesh/mesh'
import fc from 'fast-check'

const HERE = { region: 'eu', site: 'paris' }
const ONE = 'one' as PeerId
const TWO = 'two' as PeerId

const factsOf = (name: string, locality = HERE): NodeFacts => ({ name, version: '1.0.0', locality })
const said = (name: string, locality = HERE) => ({ facts: factsOf(name, locality), addresses: [] })
const beat = (epoch: number, sequence: number, rest: Partial<Beat> = {}): Beat => ({
  epoch,
  sequence,
  vitals: { load: 0, capabilities: [] },
  fingerprint: undefined,
  ...rest,
})
const brief = (events: readonly MembershipEvent[]) =>
  events.map((event) => [event.kind, event.member.peer, ...(event.kind === 'left' ? [event.reason] : [])])

describe('MembershipView', () => {
  let view: MembershipView
  let nowMs: number

  beforeEach(() => {
    nowMs = 1000
    view = new MembershipView(HERE, nowMs)
  })

  /** Lets time pass in ticks; returns what happened, each with when. */
  const pass = (ms: number) => {
    const events: unknown[][] = []
    const startMs = nowMs
    while (nowMs < startMs + ms) {
      nowMs += TICK_INTERVAL_MS
      for (const event of brief(view.tick(nowMs))) events.push([nowMs - startMs, ...event])
    }
    return events
  }

  it('suspects a silent member after 10 s and gives it up before 15 s', () => {
    assert.deepEqual(brief(view.admit(ONE, said('one'))), [['joined', ONE]])
    assert.equal(view.get(ONE)?.state, 'up')
    assert.deepEqual(pass(60_000), [
      [SUSPECT_AFTER_MS, 'suspected', ONE],
      [GONE_AFTER_MS, 'left', ONE, 'silent'],
    ])
    assert.ok(GONE_AFTER_MS + TICK_INTERVAL_MS <= 15_000)
    assert.equal(view.size, 0)
  })

  it('keeps a member whose heartbeats come, one of which may be lost', () => {
    view.admit(ONE, said('one'))
    for (let sequence = 1; sequence < 50; sequence += 1) {
      if (sequence % 3 !== 0) view.beat(ONE, beat(1, sequence))
      assert.deepEqual(
        pass(BEAT_INTERVAL_MS).filter(([, kind]) => kind === 'left'),
        [],
      )
    }
  })

  it('believes in a suspect again at its first sign of life', () => {
    view.admit(ONE, said('one'))
    pass(SUSPECT_AFTER_MS)
    assert.equal(view.get(ONE)?.state, 'suspect')
    assert.deepEqual(brief(view.heard(ONE)), [['recovered', ONE]])
    assert.equal(view.get(ONE)?.state, 'up')
    assert.deepEqual(view.heard(ONE), [])
  })

  it('takes nobody for silent after a pause of its own', () => {
    view.admit(ONE, said('one'))
    nowMs += 3_600_000
    assert.deepEqual(view.tick(nowMs), [])
  })

  it('loses a member that says so or is lost, once, with the reason', () => {
    view.admit(ONE, said('one'))
    view.admit(TWO, said('two'))
    assert.deepEqual(brief(view.leave(ONE, 'leaving')), [['left', ONE, 'leaving']])
    assert.deepEqual(brief(view.leave(TWO, 'lost')), [['left', TWO, 'lost']])
    assert.deepEqual(view.leave(TWO, 'lost'), [])
    assert.deepEqual(view.beat(TWO, beat(1, 1)), [])
    assert.deepEqual(view.list(), [])
  })

  it('takes a peer that says other things of itself, or has another epoch, for restarted', () => {
    view.admit(ONE, said('one'))
    assert.deepEqual(view.admit(ONE, said('one')), [])
    assert.deepEqual(brief(view.admit(ONE, said('uno'))), [
      ['left', ONE, 'restarted'],
      ['joined', ONE],
    ])
    const fingerprint = Uint8Array.of(1)
    view.beat(ONE, beat(1, 7))
    assert.deepEqual(brief(view.beat(ONE, beat(2, 1, { fingerprint }))), [
      ['left', ONE, 'restarted'],
      ['joined', ONE],
      ['fingerprint', ONE],
    ])
  })

  it('ignores what an older heartbeat says', () => {
    view.admit(ONE, said('one'))
    const vitals = { load: 0.5, capabilities: ['/layermesh/blob/1.0.0'] }
    view.beat(ONE, beat(1, 2, { vitals }))
    assert.deepEqual(view.beat(ONE, beat(1, 1, { fingerprint: Uint8Array.of(1) })), [])
    assert.deepEqual(view.get(ONE)?.vitals, vitals)
  })

  it('lists the members of a scope with those of the nearer ones', () => {
    view.admit(ONE, said('one'))
    view.admit(TWO, said('two', { region: 'eu', site: 'lyon' }))
    view.admit('three' as PeerId, said('three', { region: 'us', site: 'paris' }))
    const names = (scope?: 'site' | 'region' | 'world') => view.list(scope).map(({ name }) => name)
    assert.deepEqual(names('site'), ['one'])
    assert.deepEqual(names('region'), ['one', 'two'])
    assert.deepEqual(names(), ['one', 'two', 'three'])
  })

  it('never keeps a member for longer than 15 s without a sign of life, nor drops one that gave one within 9 s', () => {
    const step = fc.record({
      peer: fc.constantFrom(ONE, TWO),
      action: fc.constantFrom('admit', 'heard', 'leave', 'tick', 'tick', 'tick'),
      ms: fc.integer({ min: 1, max: TICK_INTERVAL_MS }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        let atMs = 0
        const subject = new MembershipView(HERE, atMs)
        const heardAtMs = new Map<PeerId, number>()
        for (const { peer, action, ms } of steps) {
          if (action === 'admit') subject.admit(peer, said(peer))
          if (action === 'heard') subject.heard(peer)
          if (action === 'leave') subject.leave(peer, 'lost')
          if (action === 'admit' || (action === 'heard' && subject.has(peer))) heardAtMs.set(peer, atMs)
          if (action !== 'tick') continue
          atMs += ms
          for (const event of subject.tick(atMs)) {
            const silentMs = atMs - heardAtMs.get(event.member.peer)!
            assert.ok(silentMs >= 9_000, `${event.kind} after ${silentMs} ms`)
          }
          for (const member of subject.list()) assert.ok(atMs - heardAtMs.get(member.peer)! <= 15_000)
        }
      }),
    )
  })
})
