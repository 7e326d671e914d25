import assert from 'node:assert/strict'
import { encode } from 'cborg'
import fc from 'fast-check'
import { PeerProtocolError } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import type { Holding } from '../src/holdings-table.ts'
import {
  ASK_FRAME,
  decodeSnapshotFrame,
  endFrame,
  MAX_PART_HOLDINGS,
  MAX_SNAPSHOT_FRAME_BYTES,
  partFrame,
} from '../src/snapshot-frames.ts'

const holding: Holding = [digestOf(Buffer.from('layer')), 1000]

function frameWith(code: number, body: unknown): Uint8Array {
  return Buffer.concat([Uint8Array.of(code), encode(body)])
}

describe('snapshot frames', () => {
  describe('golden bytes', () => {
    for (const [name, frame, hex] of [
      ['ask', ASK_FRAME, '01a0'],
      [
        'part',
        partFrame([holding]),
        '02a165616464656481825820dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f851903e8',
      ],
      [
        'end',
        endFrame({ epoch: 2 ** 40, sequence: 3 }),
        '03a26565706f63681b00000100000000006873657175656e636503',
      ],
    ] as const) {
      it(`are stable for ${name}`, () => assert.equal(Buffer.from(frame).toString('hex'), hex))
    }
  })

  describe('decodeSnapshotFrame', () => {
    it('reads back what was written', () => {
      assert.deepEqual(decodeSnapshotFrame(ASK_FRAME), { type: 'ask' })
      assert.deepEqual(decodeSnapshotFrame(endFrame({ epoch: 7, sequence: 0 })), {
        type: 'end',
        epoch: 7,
        sequence: 0,
      })
      const size = fc.maxSafeNat()
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(), size), { maxLength: 50 }), (pairs) => {
          const added = pairs.map(([seed, sizeBytes]): Holding => [
            digestOf(Buffer.from(String(seed))),
            sizeBytes,
          ])
          assert.deepEqual(decodeSnapshotFrame(partFrame(added)), { type: 'part', added })
        }),
      )
    })

    it('reads a full part of the longest digests', () => {
      const longest: Holding = [digestOf(Buffer.from('layer'), 'sha512'), Number.MAX_SAFE_INTEGER]
      const frame = partFrame(Array<Holding>(MAX_PART_HOLDINGS).fill(longest))
      assert.ok(frame.length <= MAX_SNAPSHOT_FRAME_BYTES)
      assert.equal(decodeSnapshotFrame(frame).type, 'part')
    })

    it('ignores fields that it does not know, even one that is called type', () => {
      assert.deepEqual(decodeSnapshotFrame(frameWith(1, { type: 'end', after: 7 })), { type: 'ask' })
    })

    for (const [what, frame] of [
      ['nothing', new Uint8Array()],
      ['an unknown type', frameWith(9, {})],
      ['no map', frameWith(2, [])],
      [
        'too many holdings',
        frameWith(2, { added: Array(MAX_PART_HOLDINGS + 1).fill([new Uint8Array(32), 1]) }),
      ],
      ['a hash of the wrong length', frameWith(2, { added: [[new Uint8Array(20), 1]] })],
      ['an end without a position', frameWith(3, { epoch: 1 })],
      ['a frame that is too long', frameWith(1, { padding: 'x'.repeat(MAX_SNAPSHOT_FRAME_BYTES) })],
    ] as const) {
      it(`throws ERR_PEER_PROTOCOL for ${what}`, () => {
        assert.throws(() => decodeSnapshotFrame(frame), { code: 'ERR_PEER_PROTOCOL' })
      })
    }

    it('throws nothing but ERR_PEER_PROTOCOL, whatever the bytes are', () => {
      const broken = fc
        .tuple(
          fc.constantFrom(ASK_FRAME, partFrame([holding]), endFrame({ epoch: 1, sequence: 2 })),
          fc.nat(),
          fc.nat(255),
        )
        .map(([frame, at, value]) =>
          Buffer.from(frame).fill(value, at % frame.length, (at % frame.length) + 1),
        )
      fc.assert(
        fc.property(fc.oneof(fc.uint8Array({ maxLength: 128 }), broken), (bytes) => {
          try {
            decodeSnapshotFrame(bytes)
          } catch (error) {
            assert.ok(error instanceof PeerProtocolError, `${String(error)} was thrown`)
          }
        }),
        { numRuns: 1000 },
      )
    })
  })
})
