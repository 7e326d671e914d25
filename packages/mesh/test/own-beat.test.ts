import assert from 'node:assert/strict'
import { MAX_FINGERPRINT_BYTES } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'
import { createBusyShare } from '../src/busy-share.ts'
import { OwnBeat } from '../src/own-beat.ts'
import { KeptLog } from './support/kept-log.ts'

describe('OwnBeat', () => {
  const create = () => {
    const log = new KeptLog()
    return { log, beat: new OwnBeat({ log, epoch: 7, readLoad: () => 0.5 }) }
  }

  it('counts, and says what the node serves by now', () => {
    const { beat } = create()
    assert.deepEqual(beat.next(), {
      epoch: 7,
      sequence: 1,
      vitals: { load: 0.5, capabilities: [] },
      fingerprint: undefined,
    })
    beat.addCapability('/layermesh/blob/1.0.0')
    assert.deepEqual(beat.next().vitals.capabilities, ['/layermesh/blob/1.0.0'])
    assert.equal(beat.next().sequence, 3)
  })

  it('goes without a fingerprint that is too long or can not be had, and says so in the log', () => {
    const { beat, log } = create()
    beat.setFingerprint(() => new Uint8Array(MAX_FINGERPRINT_BYTES))
    assert.equal(beat.next().fingerprint?.length, MAX_FINGERPRINT_BYTES)
    beat.setFingerprint(() => new Uint8Array(MAX_FINGERPRINT_BYTES + 1))
    assert.equal(beat.next().fingerprint, undefined)
    beat.setFingerprint(() => {
      throw new Error('no')
    })
    assert.equal(beat.next().fingerprint, undefined)
    assert.equal(log.lines.filter(({ message }) => message === 'fingerprint not sent').length, 2)
  })
})

describe('createBusyShare', () => {
  it('measures anew after the interval, as a share', () => {
    const clock = new ManualClock()
    const read = createBusyShare(clock, 5000)
    assert.equal(read(), 0)
    clock.advance(5000)
    const share = read()
    assert.ok(share >= 0 && share <= 1)
    assert.equal(read(), share)
  })
})
