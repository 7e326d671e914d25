import assert from 'node:assert/strict'
import { encode } from 'cborg'
import fc from 'fast-check'
import { PeerProtocolError, type TagRecord } from '@layermesh/interface'
import { digestOf, OCI_INDEX } from '@layermesh/oci'
import { askFrame, decodeTagFrame, NONE_FRAME, recordFrame } from '../src/tag-frames.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const ref = { upstream: 'docker.io', repository: 'library/nginx', tag: '1.27' }
const record: TagRecord = {
  digest: digestOf(Buffer.from('index')),
  mediaType: OCI_INDEX,
  sizeBytes: 1234,
  confirmedAtMs: NOW_MS - 5000,
}
const onTheWire = { digest: record.digest, mediaType: OCI_INDEX, sizeBytes: 1234, ageMs: 5000 }

function frameWith(code: number, body: unknown): Uint8Array {
  return Buffer.concat([Uint8Array.of(code), encode(body)])
}

describe('tag frames', () => {
  describe('golden bytes', () => {
    for (const [name, frame, hex] of [
      [
        'ask',
        askFrame({ ref }),
        '01a36374616764312e323768757073747265616d69646f636b65722e696f6a7265706f7369746f72796d6c6962726172792f6e67696e78',
      ],
      [
        'record',
        recordFrame(record, NOW_MS),
        '02a4656167654d731913886664696765737478477368613235363a31626330346235323931633236613436643931383133393133386239393264326465393736643638353164303839336230343736623835626662646663366536696d656469615479706578276170706c69636174696f6e2f766e642e6f63692e696d6167652e696e6465782e76312b6a736f6e6973697a6542797465731904d2',
      ],
      ['none', NONE_FRAME, '03a0'],
    ] as const) {
      it(`are stable for ${name}`, () => assert.equal(Buffer.from(frame).toString('hex'), hex))
    }
  })

  describe('recordFrame', () => {
    it('sends the age of a record, and none for one from the future', () => {
      assert.deepEqual(decodeTagFrame(recordFrame(record, NOW_MS)), { type: 'record', ...onTheWire })
      const early = decodeTagFrame(recordFrame(record, record.confirmedAtMs - 1))
      assert.ok(early.type === 'record' && early.ageMs === 0)
    })
  })

  describe('decodeTagFrame', () => {
    it('reads back a question and the answer that there is nothing', () => {
      assert.deepEqual(decodeTagFrame(askFrame({ ref })), { type: 'ask', ...ref })
      assert.deepEqual(decodeTagFrame(NONE_FRAME), { type: 'none' })
    })

    it('ignores fields that it does not know', () => {
      assert.deepEqual(decodeTagFrame(frameWith(2, { ...onTheWire, signature: 'x' })), {
        type: 'record',
        ...onTheWire,
      })
    })

    for (const [what, frame] of [
      ['a digest outside the grammar', frameWith(2, { ...onTheWire, digest: 'sha256:ABC' })],
      ['a media type that breaks out of a header', frameWith(2, { ...onTheWire, mediaType: 'a/b\r\nx: y' })],
      ['a media type that is too long', frameWith(2, { ...onTheWire, mediaType: `a/${'b'.repeat(200)}` })],
      ['a manifest of more than 4 MiB', frameWith(2, { ...onTheWire, sizeBytes: 4 * 1024 * 1024 + 1 })],
      ['a negative age', frameWith(2, { ...onTheWire, ageMs: -1 })],
      ['a tag outside the grammar', frameWith(1, { ...ref, tag: '../latest' })],
    ] as const) {
      it(`throws ERR_PEER_PROTOCOL for ${what}`, () => {
        assert.throws(() => decodeTagFrame(frame), { code: 'ERR_PEER_PROTOCOL' })
      })
    }

    it('throws nothing but ERR_PEER_PROTOCOL, whatever the bytes are', () => {
      const broken = fc
        .tuple(fc.constantFrom(askFrame({ ref }), recordFrame(record, NOW_MS)), fc.nat(), fc.nat(255))
        .map(([frame, at, value]) =>
          Buffer.from(frame).fill(value, at % frame.length, (at % frame.length) + 1),
        )
      fc.assert(
        fc.property(fc.oneof(fc.uint8Array({ maxLength: 256 }), broken), (bytes) => {
          try {
            decodeTagFrame(bytes)
          } catch (error) {
            assert.ok(error instanceof PeerProtocolError, `${String(error)} was thrown`)
          }
        }),
        { numRuns: 1000 },
      )
    })
  })
})
