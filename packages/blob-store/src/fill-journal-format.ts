import { crc32 } from 'node:zlib'
import type { BlobStat, DigestAlgorithm } from '@layermesh/interface'
import { digestAlgorithm, digestHex } from '@layermesh/oci'
import { PieceGrid } from './piece-grid.ts'
import { isWholeNumber, parseStoredDigest } from './stored-record.ts'

// The format is described in docs/architecture.md (The journal of a fill). Numbers are big-endian.

const MAGIC = Buffer.from('lmfill')
const VERSION = 1
const ALGORITHM_CODES: Readonly<Record<DigestAlgorithm, number>> = { sha256: 1, sha512: 2 }
const MAX_DIGEST_BYTES = 64
const PIECE_HASH_BYTES = 32
const CRC_BYTES = 4

const VERSION_AT = MAGIC.length
const SIZE_AT = VERSION_AT + 2
const PIECE_BYTES_AT = SIZE_AT + 8
const ALGORITHM_AT = PIECE_BYTES_AT + 4
const DIGEST_AT = ALGORITHM_AT + 1
const HEADER_CRC_AT = DIGEST_AT + MAX_DIGEST_BYTES

const HASH_AT = 4
const PIECE_CRC_AT = HASH_AT + PIECE_HASH_BYTES

/** Length of the header that a journal begins with. */
export const JOURNAL_HEADER_BYTES = HEADER_CRC_AT + CRC_BYTES

/** Length of the record of each finished piece. */
export const JOURNAL_PIECE_BYTES = PIECE_CRC_AT + CRC_BYTES

/** A piece that was complete, and the SHA-256 of its bytes. */
export interface JournalPiece {
  readonly index: number
  readonly hash: Uint8Array
}

/** What a journal says. */
export interface DecodedJournal {
  readonly blob: BlobStat
  /** In the order in which they were written; a later record of the same piece replaces an earlier one. */
  readonly pieces: readonly JournalPiece[]
  /** Where the part that can be trusted ends; what comes after it is torn or garbage. */
  readonly validBytes: number
}

/** The header of the journal of a fill of `blob`. */
export function encodeJournalHeader({ digest, sizeBytes, pieceBytes }: BlobStat): Uint8Array {
  const header = Buffer.alloc(JOURNAL_HEADER_BYTES)
  MAGIC.copy(header)
  header.writeUInt16BE(VERSION, VERSION_AT)
  header.writeBigUInt64BE(BigInt(sizeBytes), SIZE_AT)
  header.writeUInt32BE(pieceBytes, PIECE_BYTES_AT)
  header.writeUInt8(ALGORITHM_CODES[digestAlgorithm(digest)], ALGORITHM_AT)
  header.write(digestHex(digest), DIGEST_AT, 'hex')
  header.writeUInt32BE(crc32(header.subarray(0, HEADER_CRC_AT)), HEADER_CRC_AT)
  return header
}

/** The record of a piece in the journal that begins with `header`. */
export function encodeJournalPiece(header: Uint8Array, { index, hash }: JournalPiece): Uint8Array {
  const record = Buffer.alloc(JOURNAL_PIECE_BYTES)
  record.writeUInt32BE(index)
  record.set(hash, HASH_AT)
  record.writeUInt32BE(pieceCrc(header, record), PIECE_CRC_AT)
  return record
}

/** The blob that a journal is about, from its first {@link JOURNAL_HEADER_BYTES} bytes; undefined when they are no header that we know. */
export function decodeJournalHeader(bytes: Uint8Array): BlobStat | undefined {
  if (bytes.length < JOURNAL_HEADER_BYTES || !hasMagic(bytes)) return undefined
  const header = bufferOf(bytes)
  if (header.readUInt16BE(VERSION_AT) !== VERSION) return undefined
  if (header.readUInt32BE(HEADER_CRC_AT) !== crc32(header.subarray(0, HEADER_CRC_AT))) return undefined
  const sizeBytes = Number(header.readBigUInt64BE(SIZE_AT))
  const pieceBytes = header.readUInt32BE(PIECE_BYTES_AT)
  const digest = parseStoredDigest(digestTextOf(header))
  if (digest === undefined || !isWholeNumber(sizeBytes) || pieceBytes === 0) return undefined
  return { digest, sizeBytes, pieceBytes }
}

/** Whether `bytes` begin a journal of a format that another version of layermesh writes. */
export function isOtherJournalVersion(bytes: Uint8Array): boolean {
  return hasMagic(bytes) && bytes.length >= SIZE_AT && bufferOf(bytes).readUInt16BE(VERSION_AT) !== VERSION
}

/**
 * Reads a whole journal: all records up to the first that isn't as it was written. Undefined when even the header
 * isn't. The hashes are copies.
 */
export function decodeJournal(bytes: Uint8Array): DecodedJournal | undefined {
  const blob = decodeJournalHeader(bytes)
  if (blob === undefined) return undefined
  const { count } = new PieceGrid(blob.sizeBytes, blob.pieceBytes)
  const pieces: JournalPiece[] = []
  let validBytes = JOURNAL_HEADER_BYTES
  while (validBytes + JOURNAL_PIECE_BYTES <= bytes.length) {
    const record = bufferOf(bytes.subarray(validBytes, validBytes + JOURNAL_PIECE_BYTES))
    const index = record.readUInt32BE()
    if (record.readUInt32BE(PIECE_CRC_AT) !== pieceCrc(bytes, record) || index >= count) break
    pieces.push({ index, hash: new Uint8Array(record.subarray(HASH_AT, PIECE_CRC_AT)) })
    validBytes += JOURNAL_PIECE_BYTES
  }
  return { blob, pieces, validBytes }
}

/** Goes on from the header's checksum, so that no record is taken for one of another blob's journal. */
function pieceCrc(header: Uint8Array, record: Uint8Array): number {
  return crc32(record.subarray(0, PIECE_CRC_AT), bufferOf(header).readUInt32BE(HEADER_CRC_AT))
}

function hasMagic(bytes: Uint8Array): boolean {
  return MAGIC.equals(bytes.subarray(0, MAGIC.length))
}

function digestTextOf(header: Buffer): string {
  const code = header.readUInt8(ALGORITHM_AT)
  const digestBytes = code === ALGORITHM_CODES.sha512 ? 64 : 32
  const algorithm = Object.entries(ALGORITHM_CODES).find(([, known]) => known === code)?.[0]
  return `${algorithm}:${header.toString('hex', DIGEST_AT, DIGEST_AT + digestBytes)}`
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
