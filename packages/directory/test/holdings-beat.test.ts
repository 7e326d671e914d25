import assert from 'node:assert/strict'
import { decode, encode } from 'cborg'
import fc from 'fast-check'
import { PeerProtocolError } from '@layermesh/interface'
import { decodeHoldingsBeat, encodeHoldingsBeat, type HoldingsBeat } from '../src/holdings-beat.ts'

const beat: HoldingsBeat = {
  own: { epoch: 7, sequence: 3, count: 12, bytes: 1000, fingerprint: { high: 0xfedcba98, low: 1 } },
  region: { epoch: 8, sequence: 0, count: 30, fingerprint: { high: 2, low: 3 } },
}

/** A valid beat with some fields replaced. */
function wireWith(fields: object): Uint8Array {
  return encode({ ...(decode(encodeHoldingsBeat(beat)) as object), ...fields })
}

describe('holdings beats', () => {
  it('have bytes that are stable', () => {
    assert.equal(
      Buffer.from(encodeHoldingsBeat(beat)).toString('hex'),
      'a3636f776ea56562797465731903e865636f756e740c6565706f6368076873657175656e6365036b66696e6765727072696e7448fedcba980000000166726567696f6ea465636f756e74181e6565706f6368086873657175656e6365006b66696e6765727072696e744800000002000000036776657273696f6e01',
    )
  })

  it('are read back as they were written', () => {
    assert.deepEqual(decodeHoldingsBeat(encodeHoldingsBeat(beat)), beat)
    const silent = { ...beat, region: undefined }
    assert.deepEqual(decodeHoldingsBeat(encodeHoldingsBeat(silent)), silent)
  })

  it('may have fields that nobody knows, and may be of another version', () => {
    assert.deepEqual(decodeHoldingsBeat(wireWith({ mood: 'good' })), beat)
    assert.equal(decodeHoldingsBeat(wireWith({ version: 2, own: 'mine' })), undefined)
  })

  for (const [what, bytes] of [
    ['nothing', new Uint8Array()],
    ['no map', encode([1])],
    ['no version', encode({ own: beat.own })],
    ['nothing about itself', encode({ version: 1 })],
    ['a negative count', wireWith({ region: { ...beat.region, count: -1 } })],
    [
      'a fingerprint of the wrong length',
      wireWith({ region: { epoch: 1, sequence: 1, count: 1, fingerprint: new Uint8Array(7) } }),
    ],
  ] as const) {
    it(`throw ERR_PEER_PROTOCOL for ${what}`, () => {
      assert.throws(() => decodeHoldingsBeat(bytes), { code: 'ERR_PEER_PROTOCOL' })
    })
  }

  it('throw nothing but ERR_PEER_PROTOCOL, whatever the bytes are', () => {
    const bytes = Buffer.from(encodeHoldingsBeat(beat))
    const broken = fc
      .tuple(fc.nat(bytes.length - 1), fc.nat(255))
      .map(([at, value]) => Buffer.from(bytes).fill(value, at, at + 1))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 128 }), broken), (each) => {
        try {
          decodeHoldingsBeat(each)
        } catch (error) {
          assert.ok(error instanceof PeerProtocolError, `${String(error)} was thrown`)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
