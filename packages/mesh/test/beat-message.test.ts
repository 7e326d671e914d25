import assert from 'node:assert/strict'
import { MAX_FINGERPRINT_BYTES } from '@layermesh/interface'
import { decode, encode } from 'cborg'
import { decodeBeat, encodeBeat, MAX_BEAT_BYTES, type BeatMessage } from '../src/beat-message.ts'

const BEAT: BeatMessage = {
  epoch: 2 ** 47,
  sequence: 3,
  vitals: { load: 0.125, capabilities: ['/layermesh/blob/1.0.0'] },
  fingerprint: Uint8Array.of(1, 2, 3),
  roundTripMs: 1.5,
  leaving: false,
}

describe('beat message', () => {
  it('comes out as it went in', () => {
    assert.deepEqual(decodeBeat(encodeBeat(BEAT)), BEAT)
    const least = { ...BEAT, fingerprint: undefined, roundTripMs: undefined, leaving: true }
    assert.deepEqual(decodeBeat(encodeBeat(least)), least)
  })

  it('fits into the limit with the longest fingerprint', () => {
    const capabilities = Array.from({ length: 64 }, (_, index) => `/layermesh/${'x'.repeat(110)}/${index}`)
    const fingerprint = new Uint8Array(MAX_FINGERPRINT_BYTES)
    const bytes = encodeBeat({ ...BEAT, fingerprint, vitals: { load: 1, capabilities } })
    assert.ok(bytes.length <= MAX_BEAT_BYTES)
    assert.equal(decodeBeat(bytes).vitals.capabilities.length, 64)
  })

  it('ignores what a newer version says beside it', () => {
    const newer = { ...(decode(encodeBeat(BEAT)) as object), mood: 'good', vitals: [1] }
    assert.deepEqual(decodeBeat(encode(newer)), BEAT)
  })

  const wrong: readonly [string, object][] = [
    ['a load beyond 1', { load: 2 }],
    ['a negative sequence', { sequence: -1 }],
    ['a fingerprint that is too long', { fingerprint: new Uint8Array(MAX_FINGERPRINT_BYTES + 1) }],
    ['a capability with a control character', { capabilities: ['\u001b[2J'] }],
    ['a round trip of no length', { roundTripMs: NaN }],
  ]
  for (const [what, field] of wrong) {
    it(`is refused with ${what}`, () => {
      const message = { ...(decode(encodeBeat(BEAT)) as object), ...field }
      assert.throws(() => decodeBeat(encode(message)))
    })
  }
})
