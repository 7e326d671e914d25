import assert from 'node:assert/strict'
import { encode } from 'cborg'
import fc from 'fast-check'
import { MAX_FRAME_BYTES, PeerProtocolError, type PeerId } from '@layermesh/interface'
import { PART_CLAIMS, type SyncAsk, type SyncPart } from '../src/sync-conversation.ts'
import { askFrame, decodeSyncFrame, NEXT_FRAME, replyFrame } from '../src/sync-frames.ts'
import { claim, hashOf } from './support/hashes.ts'

const [a, b] = ['peer-a', 'peer-b'] as [PeerId, PeerId]
const ofPeer: SyncAsk = { account: { kind: 'node', peer: a }, buckets: Uint32Array.of(1, 2 ** 32 - 1) }
const ofRegion: SyncAsk = { account: { kind: 'region', region: 'eu' }, buckets: Uint32Array.of(1, 2, 3, 4) }
const part: SyncPart = {
  kind: 'part',
  bits: 4,
  buckets: [
    [3, [claim(a, hashOf('layer')), claim(b, hashOf('layer'))]],
    [4, []],
  ],
}

function frameWith(code: number, body: unknown): Uint8Array {
  return Buffer.concat([Uint8Array.of(code), encode(body)])
}

describe('sync frames', () => {
  for (const [name, frame, hex] of [
    ['ask about a node', askFrame(ofPeer), '01a2647065657266706565722d61676275636b6574734800000001ffffffff'],
    [
      'ask about a region',
      askFrame(ofRegion),
      '01a266726567696f6e626575676275636b6574735000000001000000020000000300000004',
    ],
    ['next', NEXT_FRAME, '02a0'],
    [
      'part',
      replyFrame(part),
      '03a2646269747304676275636b657473828203828266706565722d6181825820dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f8518648266706565722d6281825820dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f851864820480',
    ],
    [
      'end',
      replyFrame({ kind: 'end', epoch: 2 ** 40, sequence: 3 }),
      '04a26565706f63681b00000100000000006873657175656e636503',
    ],
    ['unknown', replyFrame({ kind: 'unknown' }), '05a0'],
  ] as const) {
    it(`have bytes that are stable for ${name}`, () => assert.equal(Buffer.from(frame).toString('hex'), hex))
  }

  it('are read back as they were written', () => {
    assert.deepEqual(decodeSyncFrame(askFrame(ofPeer)), { kind: 'ask', ...ofPeer })
    assert.deepEqual(decodeSyncFrame(askFrame(ofRegion)), { kind: 'ask', ...ofRegion })
    assert.deepEqual(decodeSyncFrame(NEXT_FRAME), { kind: 'next' })
    assert.deepEqual(decodeSyncFrame(replyFrame(part)), part)
    assert.deepEqual(decodeSyncFrame(replyFrame({ kind: 'unknown' })), { kind: 'unknown' })
    const end = { kind: 'end', epoch: 7, sequence: 0 } as const
    assert.deepEqual(decodeSyncFrame(replyFrame(end)), end)
  })

  it('hold the longest part that is sent', () => {
    const claims = Array.from({ length: 2 * PART_CLAIMS }, (_, index) =>
      claim(a, hashOf(index, 'sha512'), Number.MAX_SAFE_INTEGER),
    )
    const frame = replyFrame({ kind: 'part', bits: 0, buckets: [[0, claims]] })
    assert.ok(frame.length <= MAX_FRAME_BYTES)
    assert.equal(decodeSyncFrame(frame).kind, 'part')
  })

  it('may have fields that nobody knows, even one that is called type', () => {
    assert.deepEqual(decodeSyncFrame(frameWith(2, { type: 'end', after: 7 })), { kind: 'next' })
  })

  for (const [what, frame] of [
    ['nothing', new Uint8Array()],
    ['an unknown type', frameWith(9, {})],
    ['no map', frameWith(3, [])],
    ['an ask about nobody', frameWith(1, { buckets: new Uint8Array(8) })],
    ['fingerprints of three buckets', frameWith(1, { region: 'eu', buckets: new Uint8Array(24) })],
    ['no fingerprints', frameWith(1, { region: 'eu', buckets: new Uint8Array(0) })],
    ['too many fingerprints', frameWith(1, { region: 'eu', buckets: new Uint8Array(8 << 13) })],
    ['a part without buckets', frameWith(3, { bits: 0, buckets: [] })],
    ['a bucket that there is not', frameWith(3, { bits: 2, buckets: [[4, []]] })],
    [
      'a hash of the wrong length',
      frameWith(3, { bits: 0, buckets: [[0, [[a, [[new Uint8Array(20), 1]]]]]] }),
    ],
    ['an end without a position', frameWith(4, { epoch: 1 })],
    ['a frame that is too long', frameWith(2, { padding: 'x'.repeat(MAX_FRAME_BYTES) })],
  ] as const) {
    it(`throw ERR_PEER_PROTOCOL for ${what}`, () => {
      assert.throws(() => decodeSyncFrame(frame), { code: 'ERR_PEER_PROTOCOL' })
    })
  }

  it('throw nothing but ERR_PEER_PROTOCOL, whatever the bytes are', () => {
    const broken = fc
      .tuple(fc.constantFrom(askFrame(ofPeer), NEXT_FRAME, replyFrame(part)), fc.nat(), fc.nat(255))
      .map(([frame, at, value]) => Buffer.from(frame).fill(value, at % frame.length, (at % frame.length) + 1))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 128 }), broken), (bytes) => {
        try {
          decodeSyncFrame(bytes)
        } catch (error) {
          assert.ok(error instanceof PeerProtocolError, `${String(error)} was thrown`)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
