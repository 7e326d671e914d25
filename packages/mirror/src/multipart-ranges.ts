import type { ByteRange, Digest } from '@layermesh/interface'
import { contentRange, digestHex } from '@layermesh/oci'

const BOUNDARY_HEX_DIGITS = 32

/** A body of several ranges of a blob (RFC 9110 §14.6): one part for each range, in the order in which they were asked for. */
export interface MultipartBody {
  readonly contentType: string
  /** Length of the whole body, with what stands between the parts. */
  readonly lengthBytes: number
  /** `read` yields the bytes of a range. */
  readonly body: (read: (range: ByteRange) => AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>
}

/** Lays out `ranges` of a blob, none of which is merged with another: c/image takes nothing else for what it asked for. */
export function multipartRanges(
  digest: Digest,
  sizeBytes: number,
  ranges: readonly ByteRange[],
): MultipartBody {
  // A blob can't have its own digest in it.
  const boundary = digestHex(digest).slice(0, BOUNDARY_HEX_DIGITS)
  const parts = ranges.map((range, index) => ({ range, head: partHead(boundary, range, sizeBytes, index) }))
  const end = Buffer.from(`\r\n--${boundary}--\r\n`)
  const partBytes = parts.map(({ range, head }) => head.byteLength + range.end - range.start)
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    lengthBytes: partBytes.reduce((sum, bytes) => sum + bytes, end.byteLength),
    body: async function* (read) {
      for (const { range, head } of parts) {
        yield head
        yield* read(range)
      }
      yield end
    },
  }
}

function partHead(boundary: string, range: ByteRange, sizeBytes: number, index: number): Uint8Array {
  const lines = [
    `--${boundary}`,
    'Content-Type: application/octet-stream',
    `Content-Range: ${contentRange(range, sizeBytes)}`,
  ]
  return Buffer.from(`${index === 0 ? '' : '\r\n'}${lines.join('\r\n')}\r\n\r\n`)
}
