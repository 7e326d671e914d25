import assert from 'node:assert/strict'
import type { BlobStat } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import fc from 'fast-check'
import {
  decodeJournal,
  decodeJournalHeader,
  encodeJournalHeader,
  encodeJournalPiece,
  isOtherJournalVersion,
  JOURNAL_HEADER_BYTES,
  JOURNAL_PIECE_BYTES,
  type JournalPiece,
} from '../src/fill-journal-format.ts'

const blob: BlobStat = {
  digest: digestOf(Buffer.from('golden')),
  sizeBytes: 5 * 2 ** 32 + 7,
  pieceBytes: 16 * 2 ** 20,
}
const hash = (seed: string) => Buffer.from(digestOf(Buffer.from(seed)).slice('sha256:'.length), 'hex')

function journalOf(about: BlobStat, pieces: readonly JournalPiece[]): Buffer {
  const header = encodeJournalHeader(about)
  return Buffer.concat([header, ...pieces.map((piece) => encodeJournalPiece(header, piece))])
}

const plain = (pieces: readonly JournalPiece[]) =>
  pieces.map((piece) => ({ index: piece.index, hash: Buffer.from(piece.hash).toString('hex') }))

describe('the journal format', () => {
  const pieces = fc.array(
    fc.record({ index: fc.nat(1279), hash: fc.uint8Array({ minLength: 32, maxLength: 32 }) }),
    { maxLength: 12 },
  )

  it('has these bytes', () => {
    const bytes = journalOf(blob, [{ index: 258, hash: hash('piece') }])
    assert.deepEqual(
      [
        bytes.subarray(0, 6).toString(),
        ...[
          [6, 8],
          [8, 16],
          [16, 20],
          [20, 21],
          [21, 53],
          [53, 85],
          [85, 89],
          [89, 93],
          [93, 125],
          [125, 129],
        ].map(([start, end]) => bytes.toString('hex', start, end)),
      ],
      [
        'lmfill',
        '0001',
        '0000000500000007',
        '01000000',
        '01',
        blob.digest.slice('sha256:'.length),
        '00'.repeat(32),
        '2bab9429',
        '00000102',
        hash('piece').toString('hex'),
        '803a89df',
      ],
    )
    assert.equal(bytes.length, JOURNAL_HEADER_BYTES + JOURNAL_PIECE_BYTES)
  })

  it('gives back what was written, for both algorithms', () => {
    fc.assert(
      fc.property(pieces, fc.constantFrom('sha256', 'sha512'), (written, algorithm) => {
        const about = { ...blob, digest: digestOf(Buffer.from('x'), algorithm) }
        const bytes = journalOf(about, written)
        const decoded = decodeJournal(bytes)
        assert.deepEqual(decoded?.blob, about)
        assert.deepEqual(plain(decoded.pieces), plain(written))
        assert.equal(decoded.validBytes, bytes.length)
      }),
    )
  })

  it('yields the records before the damage, wherever a bit flips or the end is cut off', () => {
    fc.assert(
      fc.property(pieces, fc.nat(), fc.nat(), fc.boolean(), (written, place, bit, isCut) => {
        const bytes = journalOf(blob, written)
        const at = place % bytes.length
        bytes[at]! ^= 1 << (bit % 8)
        const decoded = decodeJournal(isCut ? bytes.subarray(0, at) : bytes)
        if (at < JOURNAL_HEADER_BYTES) {
          assert.equal(decoded, undefined)
          return
        }
        const whole = Math.floor((at - JOURNAL_HEADER_BYTES) / JOURNAL_PIECE_BYTES)
        assert.deepEqual(plain(decoded!.pieces), plain(written.slice(0, whole)))
        assert.equal(decoded!.validBytes, JOURNAL_HEADER_BYTES + whole * JOURNAL_PIECE_BYTES)
      }),
    )
  })

  it('makes nothing of garbage after the records', () => {
    fc.assert(
      fc.property(pieces, fc.uint8Array({ maxLength: 200 }), fc.nat(200), (written, garbage, zeros) => {
        const journal = journalOf(blob, written)
        for (const tail of [garbage, Buffer.alloc(zeros)]) {
          const decoded = decodeJournal(Buffer.concat([journal, tail]))
          assert.deepEqual(plain(decoded!.pieces), plain(written))
          assert.equal(decoded!.validBytes, journal.length)
        }
      }),
    )
  })

  it('takes no record of another journal, and none of a piece that the blob does not have', () => {
    const other = journalOf({ ...blob, digest: digestOf(Buffer.from('other')) }, [
      { index: 0, hash: hash('a') },
    ])
    const spliced = Buffer.concat([encodeJournalHeader(blob), other.subarray(JOURNAL_HEADER_BYTES)])
    assert.deepEqual(decodeJournal(spliced)?.pieces, [])
    assert.deepEqual(decodeJournal(journalOf(blob, [{ index: 1281, hash: hash('a') }]))?.pieces, [])
  })

  it('tells another version from what is no journal', () => {
    const bytes = journalOf(blob, [])
    assert.equal(isOtherJournalVersion(bytes), false)
    bytes.writeUInt16BE(2, 6)
    assert.equal(isOtherJournalVersion(bytes), true)
    assert.equal(decodeJournalHeader(bytes), undefined)
    assert.equal(isOtherJournalVersion(Buffer.from('lmfill')), false)
    assert.equal(isOtherJournalVersion(Buffer.from('something else')), false)
    assert.equal(decodeJournalHeader(Buffer.from('something else'.repeat(10))), undefined)
  })
})
