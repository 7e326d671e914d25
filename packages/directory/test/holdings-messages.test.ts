import assert from 'node:assert/strict'
import { decode, encode } from 'cborg'
import fc from 'fast-check'
import { PeerProtocolError, type PeerId } from '@layermesh/interface'
import type { Holding } from '../src/claim.ts'
import {
  decodeHoldingsMessage,
  encodeHoldingsMessage,
  MAX_DELTA_CHANGES,
  MAX_MESSAGE_BYTES,
  type HoldingsDelta,
} from '../src/holdings-messages.ts'
import { hashOf } from './support/hashes.ts'

const [a, b] = ['peer-a', 'peer-b'] as [PeerId, PeerId]
const layer = hashOf('layer')
const config = hashOf('config', 'sha512')
const delta: HoldingsDelta = {
  kind: 'delta',
  epoch: 7,
  sequence: 3,
  changes: [{ peer: a, added: [[layer, 1000]], removed: [config] }],
}

const hashArb = fc
  .tuple(fc.nat(1000), fc.constantFrom('sha256', 'sha512'))
  .map(([name, algorithm]) => hashOf(name, algorithm))
const messageArb: fc.Arbitrary<HoldingsDelta> = fc.record(
  {
    kind: fc.constant('delta' as const),
    epoch: fc.maxSafeNat(),
    sequence: fc.integer({ min: 1 }),
    changes: fc.array(
      fc.record(
        {
          peer: fc.constantFrom(a, b),
          added: fc.array(fc.tuple(hashArb, fc.maxSafeNat()), { maxLength: 10 }),
          removed: fc.array(hashArb, { maxLength: 10 }),
        },
        { noNullPrototype: true },
      ),
      { maxLength: 5 },
    ),
  },
  { noNullPrototype: true },
)

/** A valid delta with some fields replaced. */
function wireWith(fields: object): Uint8Array {
  return encode({ ...(decode(encodeHoldingsMessage(delta)) as object), ...fields })
}

describe('holdings messages', () => {
  describe('golden bytes', () => {
    it('are stable for a delta', () => {
      assert.equal(
        Buffer.from(encodeHoldingsMessage(delta)).toString('hex'),
        'a5646b696e646564656c74616565706f636807676368616e676573818366706565722d6181825820dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f851903e88158409fcffe1acb716f176ca73cbb1cfea77b1b9c8d904171efa19b2471e293149194010fd3ca56a3b9374d19fbd441854dd92d06563b4d7a14a8a566fb76e359847f6776657273696f6e016873657175656e636503',
      )
    })
  })

  describe('decodeHoldingsMessage', () => {
    it('reads back what was written', () => {
      fc.assert(
        fc.property(messageArb, (message) => {
          assert.deepEqual(decodeHoldingsMessage(encodeHoldingsMessage(message)), message)
        }),
      )
    })

    it('reads a full delta of the longest digests, each of another holder', () => {
      const changes = Array.from({ length: MAX_DELTA_CHANGES }, (_, index) => ({
        peer: `12D3KooWGatU9uWBeVLTmXqzAjHCt7hUUrXAhBv${index.toString().padStart(13, '0')}` as PeerId,
        added: [[hashOf(index, 'sha512'), Number.MAX_SAFE_INTEGER]] satisfies Holding[],
        removed: [],
      }))
      const full = { ...delta, changes }
      assert.deepEqual(decodeHoldingsMessage(encodeHoldingsMessage(full)), full)
    })

    it('ignores fields that it does not know', () => {
      assert.deepEqual(decodeHoldingsMessage(wireWith({ load: 'high' })), delta)
    })

    it('tells the version of a message that is of another one, and of a kind that it does not know', () => {
      const unknown = wireWith({ version: 2, changes: 'many' })
      assert.deepEqual(decodeHoldingsMessage(unknown), { kind: 'unknown', version: 2 })
      assert.deepEqual(decodeHoldingsMessage(wireWith({ kind: 'sketch' })), {
        kind: 'unknown',
        version: 1,
      })
    })

    for (const [what, bytes] of [
      ['nothing', new Uint8Array()],
      ['no map', encode([1, 2])],
      ['no version', encode({ kind: 'delta', epoch: 1, sequence: 1, changes: [] })],
      ['a negative sequence', wireWith({ sequence: -1 })],
      ['a delta without a number', wireWith({ sequence: 0 })],
      ['a size that is negative', wireWith({ changes: [[a, [[layer, -1]], []]] })],
      ['a size that no number counts exactly', wireWith({ changes: [[a, [[layer, 2n ** 63n]], []]] })],
      ['a hash of the wrong length', wireWith({ changes: [[a, [], [new Uint8Array(20)]]] })],
      ['a holder without a name', wireWith({ changes: [['', [], [layer]]] })],
      ['too many changes', wireWith({ changes: [a, b].map((peer) => [peer, [], Array(501).fill(layer)]) })],
      ['a message that is too long', wireWith({ padding: 'x'.repeat(MAX_MESSAGE_BYTES) })],
      ['lists in lists without end', Buffer.alloc(MAX_MESSAGE_BYTES, 0x81)],
    ] as const) {
      it(`throws ERR_PEER_PROTOCOL for ${what}`, () => {
        assert.throws(() => decodeHoldingsMessage(bytes), { code: 'ERR_PEER_PROTOCOL' })
      })
    }

    it('throws nothing but ERR_PEER_PROTOCOL, whatever the bytes are', () => {
      const broken = fc.tuple(messageArb, fc.nat(), fc.nat(255)).map(([message, at, value]) => {
        const bytes = Buffer.from(encodeHoldingsMessage(message))
        return bytes.fill(value, at % bytes.length, (at % bytes.length) + 1)
      })
      fc.assert(
        fc.property(fc.oneof(fc.uint8Array({ maxLength: 256 }), broken), (bytes) => {
          try {
            decodeHoldingsMessage(bytes)
          } catch (error) {
            assert.ok(error instanceof PeerProtocolError, `${String(error)} was thrown`)
          }
        }),
        { numRuns: 1000 },
      )
    })
  })
})
