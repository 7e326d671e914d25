import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib'
import { UpstreamProtocolError } from '@layermesh/interface'
import type { HttpReply } from './http-transport.ts'

type Decode = (bytes: Uint8Array, limit: { readonly maxOutputLength: number }) => Promise<Uint8Array>

const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
  ['zstd', promisify(zstdDecompress)],
])

/**
 * Undoes what a proxy in between has done to a small body although nobody asked for it (RFC 9110 §8.4.1). A digest decides afterwards
 * whether these are the right bytes. Throws ERR_UPSTREAM_PROTOCOL for an encoding that we don't know, for what isn't
 * encoded as it says, and for more than `limitBytes`.
 */
export async function decodeBody(
  { asked, header }: Pick<HttpReply, 'asked' | 'header'>,
  bytes: Uint8Array,
  limitBytes: number,
): Promise<Uint8Array> {
  const encoding = header('content-encoding')?.trim().toLowerCase() ?? ''
  if (['', 'identity'].includes(encoding)) return bytes
  const decode = DECODERS.get(encoding)
  try {
    if (decode !== undefined) return await decode(bytes, { maxOutputLength: limitBytes })
  } catch (cause) {
    throw new UpstreamProtocolError(`${asked} was answered in an encoding that can not be undone`, { cause })
  }
  throw new UpstreamProtocolError(`${asked} was answered in an encoding that was not asked for`)
}
