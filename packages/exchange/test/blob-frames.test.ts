import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { encode } from 'cborg'
import fc from 'fast-check'
import { LINK_CLASSES, PeerProtocolError, type ContentRef, type PeerId } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import {
  dataFrame,
  decodeBlobFrame,
  headFrame,
  MAX_DATA_BYTES,
  openFrame,
  payloadBytes,
  pieceFrame,
  refuseFrame,
  wantFrame,
} from '../src/blob-frames.ts'
import { MAX_BODY_BYTES } from '../src/frame-codec.ts'
import { WAIT_FRAME } from '../src/wait-frames.ts'

const MiB = 1024 * 1024
const ref: ContentRef = {
  kind: 'blob',
  upstream: 'docker.io',
  repository: 'library/nginx',
  digest: digestOf(Buffer.from('layer')),
}
const grid = { sizeBytes: 5 * MiB + 1, pieceBytes: MiB }
const sha256 = createHash('sha256').update('piece').digest()

function frameWith(code: number, body: unknown): Uint8Array {
  return Buffer.concat([Uint8Array.of(code), encode(body)])
}

/** As {@link frameWith}, for values that may have no form in CBOR. */
function frameOf(code: number, body: unknown): Uint8Array {
  try {
    return frameWith(code, body)
  } catch {
    return Uint8Array.of(code)
  }
}

describe('blob frames', () => {
  describe('golden bytes', () => {
    for (const [name, frame, hex] of [
      [
        'open',
        openFrame({ ref }),
        '01a4646b696e6464626c6f626664696765737478477368613235363a6461633164376366613935303231373634383439666431303235323465313431343838633565336139306638363164626235613132643961633835383466383568757073747265616d69646f636b65722e696f6a7265706f7369746f72796d6c6962726172792f6e67696e78',
      ],
      [
        'open with leadScope',
        openFrame({ ref, leadScope: 'region' }),
        '01a5646b696e6464626c6f626664696765737478477368613235363a6461633164376366613935303231373634383439666431303235323465313431343838633565336139306638363164626235613132643961633835383466383568757073747265616d69646f636b65722e696f696c65616453636f706566726567696f6e6a7265706f7369746f72796d6c6962726172792f6e67696e78',
      ],
      [
        'open with all that a lead is told',
        openFrame({
          ...{ ref, leadScope: 'site', heldPieces: 3, pausedMs: 1500.5 },
          refusedBy: ['12D3KooWA' as PeerId],
        }),
        '01a8646b696e6464626c6f626664696765737478477368613235363a64616331643763666139353032313736343834396664313032353234653134313438386335653361393066383631646262356131326439616338353834663835687061757365644d731905dd68757073747265616d69646f636b65722e696f696c65616453636f70656473697465697265667573656442798169313244334b6f6f57416a68656c64506965636573036a7265706f7369746f72796d6c6962726172792f6e67696e78',
      ],
      [
        'open for a part',
        openFrame({ ref, partial: true }),
        '01a5646b696e6464626c6f626664696765737478477368613235363a64616331643763666139353032313736343834396664313032353234653134313438386335653361393066383631646262356131326439616338353834663835677061727469616cf568757073747265616d69646f636b65722e696f6a7265706f7369746f72796d6c6962726172792f6e67696e78',
      ],
      [
        'head of a part',
        headFrame(grid, false, 2),
        '02a468636f6d706c657465f46973697a6542797465731a005000016a706965636542797465731a001000006f617661696c61626c6550696563657302',
      ],
      [
        'refuse until later',
        refuseFrame('rate-limited', { message: '429', retryAfterMs: 250 }),
        '03a366726561736f6e6c726174652d6c696d69746564676d657373616765633432396c726574727941667465724d7318fa',
      ],
      [
        'head',
        headFrame(grid, true),
        '02a368636f6d706c657465f56973697a6542797465731a005000016a706965636542797465731a00100000',
      ],
      [
        'refuse',
        refuseFrame('missing', { message: 'not here' }),
        '03a266726561736f6e676d697373696e67676d657373616765686e6f742068657265',
      ],
      ['want', wantFrame(5), '04a165696e64657805'],
      [
        'piece',
        pieceFrame(grid, 5, sha256),
        '05a365696e6465780566736861323536582034235a2c502e3919d3f00af5dabb87cb58aef4566b10631f2a5db94950ebffbd6973697a65427974657301',
      ],
      ['data', dataFrame(Uint8Array.of(1, 2, 3)), '06010203'],
      ['wait', WAIT_FRAME, '07a0'],
    ] as const) {
      it(`are stable for ${name}`, () => assert.equal(Buffer.from(frame).toString('hex'), hex))
    }
  })
  describe('decodeBlobFrame', () => {
    it('reads back what was written', () => {
      assert.deepEqual(decodeBlobFrame(openFrame({ ref })), { type: 'open', ...ref })
      for (const leadScope of LINK_CLASSES) {
        assert.deepEqual(decodeBlobFrame(openFrame({ ref, leadScope })), { type: 'open', ...ref, leadScope })
      }
      assert.deepEqual(decodeBlobFrame(headFrame(grid, false)), { type: 'head', ...grid, complete: false })
      const refusal = { reason: 'busy', message: 'later' } as const
      assert.deepEqual(decodeBlobFrame(refuseFrame(refusal.reason, refusal)), {
        type: 'refuse',
        ...refusal,
      })
      assert.deepEqual(decodeBlobFrame(wantFrame(7)), { type: 'want', index: 7 })
      const piece = decodeBlobFrame(pieceFrame(grid, 5, sha256))
      assert.ok(piece.type === 'piece' && sha256.equals(piece.sha256))
      assert.deepEqual([piece.index, piece.sizeBytes], [5, 1])
      assert.deepEqual(decodeBlobFrame(WAIT_FRAME), { type: 'wait' })
    })

    it('reads back any size of content that is cut sanely', () => {
      const shift = fc.integer({ min: 12, max: 24 })
      fc.assert(
        fc.property(
          fc.integer({ min: 0, max: 2 ** 40 }),
          shift,
          fc.boolean(),
          (sizeBytes, log2, complete) => {
            const head = { sizeBytes, pieceBytes: 2 ** log2 }
            assert.deepEqual(decodeBlobFrame(headFrame(head, complete)), { type: 'head', ...head, complete })
          },
        ),
      )
    })

    it('reads back any bytes of a data frame', () => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 1, maxLength: 4096 }), (bytes) => {
          const frame = dataFrame(bytes)
          assert.equal(payloadBytes(frame), bytes.length)
          const data = decodeBlobFrame(frame)
          assert.ok(data.type === 'data' && Buffer.from(bytes).equals(data.bytes))
        }),
      )
    })

    it('ignores fields that it does not know', () => {
      assert.deepEqual(decodeBlobFrame(frameWith(4, { index: 7, priority: 'high' })), {
        type: 'want',
        index: 7,
      })
      assert.deepEqual(decodeBlobFrame(frameWith(7, { progress: 0.5 })), { type: 'wait' })
    })

    it('takes a reason for a refusal that it does not know as unavailable', () => {
      const frame = frameWith(3, { reason: 'too early', message: 'in a minute' })
      assert.deepEqual(decodeBlobFrame(frame), {
        type: 'refuse',
        reason: 'unavailable',
        message: 'in a minute',
      })
    })

    for (const [what, frame] of [
      ['nothing', new Uint8Array()],
      ['an unknown type', frameWith(99, {})],
      ['no CBOR', Uint8Array.of(4, 0xff)],
      ['bytes after the body', Buffer.concat([wantFrame(1), Uint8Array.of(0)])],
      ['a body that is no map', frameWith(4, [7])],
      ['a field twice', Buffer.from('04a265696e6465780565696e64657806', 'hex')],
      ['a field of the wrong type', frameWith(4, { index: '7' })],
      ['a negative index', frameWith(4, { index: -1 })],
      ['an index that is no integer', frameWith(4, { index: 0.5 })],
      ['an index beyond the safe integers', frameWith(4, { index: 2n ** 60n })],
      [
        'a digest of another algorithm',
        frameWith(1, { ...ref, digest: 'md5:d41d8cd98f00b204e9800998ecf8427e' }),
      ],
      ['a repository that is a path trick', frameWith(1, { ...ref, repository: '../../etc' })],
      ['an upstream that is no host', frameWith(1, { ...ref, upstream: 'docker.io/evil' })],
      ['an unknown kind of content', frameWith(1, { ...ref, kind: 'tarball' })],
      [
        'more refusals than a request names',
        frameWith(1, { ...ref, refusedBy: Array.from({ length: 9 }, () => 'peer') }),
      ],
      ['a part of a piece', frameWith(1, { ...ref, heldPieces: 1.5 })],
      ['a pause of a month', frameWith(1, { ...ref, pausedMs: 30 * 86_400_000 })],
      ['an unknown scope', frameWith(1, { ...ref, leadScope: 'galaxy' })],
      [
        'content of more than 1 TiB',
        frameWith(2, { sizeBytes: 2 ** 40 + 1, pieceBytes: MiB, complete: true }),
      ],
      [
        'pieces of more than 16 MiB',
        frameWith(2, { sizeBytes: 2 ** 30, pieceBytes: 32 * MiB, complete: true }),
      ],
      ['pieces of no bytes', frameWith(2, { sizeBytes: 1, pieceBytes: 0, complete: true })],
      ['pieces of an odd size', frameWith(2, { sizeBytes: 2 * MiB, pieceBytes: 1_000_000, complete: true })],
      ['pieces too small to be many', frameWith(2, { sizeBytes: 2 * MiB, pieceBytes: 1024, complete: true })],
      ['an empty piece', frameWith(5, { index: 0, sizeBytes: 0, sha256 })],
      ['a hash of the wrong length', frameWith(5, { index: 0, sizeBytes: 1, sha256: sha256.subarray(1) })],
      ['no data', Uint8Array.of(6)],
      ['too much data', Buffer.alloc(MAX_DATA_BYTES + 2, 6)],
      ['a body that is too long', frameWith(7, { padding: 'x'.repeat(MAX_BODY_BYTES) })],
      [
        'lists in lists without end',
        Buffer.concat([Uint8Array.of(4), Buffer.alloc(MAX_BODY_BYTES - 1, 0x81)]),
      ],
    ] as const) {
      it(`throws ERR_PEER_PROTOCOL for ${what}`, () => {
        assert.throws(() => decodeBlobFrame(frame), { code: 'ERR_PEER_PROTOCOL' })
      })
    }

    it('throws nothing but ERR_PEER_PROTOCOL, whatever the bytes are', () => {
      const garbage = fc.uint8Array({ maxLength: 512 })
      const almost = fc
        .tuple(fc.integer({ min: 0, max: 8 }), fc.anything({ maxDepth: 2 }))
        .map(([code, body]) => frameOf(code, body))
      const broken = fc
        .tuple(
          fc.constantFrom(openFrame({ ref }), headFrame(grid, true), pieceFrame(grid, 0, sha256)),
          fc.nat(),
          fc.nat(255),
        )
        .map(([frame, at, value]) =>
          Buffer.from(frame).fill(value, at % frame.length, (at % frame.length) + 1),
        )
      fc.assert(
        fc.property(fc.oneof(garbage, almost, broken), (bytes) => {
          try {
            decodeBlobFrame(bytes)
          } catch (error) {
            assert.ok(error instanceof PeerProtocolError, `${String(error)} was thrown`)
          }
        }),
        { numRuns: 2000 },
      )
    })
  })

  describe('refuseFrame', () => {
    it('cuts a message that is too long for the frame', () => {
      const frame = decodeBlobFrame(refuseFrame('unavailable', { message: 'x'.repeat(10_000) }))
      assert.ok(frame.type === 'refuse' && frame.message.length < 1000)
    })
  })
})
