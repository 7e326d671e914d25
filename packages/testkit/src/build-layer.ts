import { buffer } from 'node:stream/consumers'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import type { Digest } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { pack, type Header, type Pack } from 'tar-stream'
import { builtContent, type BuiltContent } from './built-content.ts'
import { MEDIA_TYPES, type ImageFormat, type LayerCompression } from './media-types.ts'
import { seededBytes } from './seeded-bytes.ts'
import { seededText } from './seeded-text.ts'

const MiB = 1024 * 1024

/** Files of a layer hold at most this many bytes, so that a large layer is a tree and not one file. */
const MAX_FILE_BYTES = 8 * MiB

/** Where gzip's header says which system made the file (RFC 1952 §2.3.1), and its value for "unknown". */
const GZIP_OS_OFFSET = 9
const GZIP_OS_UNKNOWN = 255

/** What a layer is made from. Equal specs give equal layers, which is how images come to share one. */
export interface LayerSpec {
  readonly seed: string
  /** Bytes in the layer's files; its blob has the framing of tar and gzip besides. */
  readonly sizeBytes: number
  /** How much of these bytes compresses, from 0 to 1; the rest looks random. @default 0 */
  readonly compressiblePart?: number
  /** @default that of the image */
  readonly compression?: LayerCompression
}

/** A layer, and the digest of its uncompressed tar, which the image's config lists. */
export interface BuiltLayer extends BuiltContent {
  readonly spec: LayerSpec
  readonly diffId: Digest
}

/** Options of {@link buildLayer}. */
export interface BuildLayerOptions {
  readonly format: ImageFormat
  readonly compression: LayerCompression
}

/**
 * Builds a layer: a real tar of a folder with files, the same for the same spec. Where some of it compresses, its digest depends on the
 * version of Node, too.
 */
export async function buildLayer(spec: LayerSpec, options: BuildLayerOptions): Promise<BuiltLayer> {
  const compression = spec.compression ?? options.compression
  const tar = await packFiles(spec)
  const bytes = compress(tar, compression, spec.compressiblePart ?? 0)
  const content = builtContent(bytes, MEDIA_TYPES[options.format].layer[compression])
  return { ...content, spec, diffId: bytes === tar ? content.descriptor.digest : digestOf(tar) }
}

async function packFiles(spec: LayerSpec): Promise<Buffer> {
  const archive = pack()
  const packed = buffer(archive)
  const folder = `layermesh/${spec.seed.replaceAll('/', '-')}/`
  await addEntry(archive, { name: folder, type: 'directory', mode: 0o755 })
  const textBytes = Math.round(spec.sizeBytes * (spec.compressiblePart ?? 0))
  await addFiles(archive, folder, 'txt', seededText(spec.seed, textBytes))
  await addFiles(archive, folder, 'bin', seededBytes(spec.seed, spec.sizeBytes - textBytes))
  archive.finalize()
  return packed
}

async function addFiles(archive: Pack, folder: string, ending: string, content: Buffer): Promise<void> {
  for (let start = 0; start < content.length; start += MAX_FILE_BYTES) {
    const name = `${folder}${String(start / MAX_FILE_BYTES).padStart(4, '0')}.${ending}`
    await addEntry(archive, { name, mode: 0o644 }, content.subarray(start, start + MAX_FILE_BYTES))
  }
}

// A fixed time of last change: the layer's digest depends on nothing but its spec.
function addEntry(
  archive: Pack,
  header: Partial<Header> & Pick<Header, 'name'>,
  content: Buffer = Buffer.alloc(0),
): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry({ ...header, mtime: new Date(0) }, content, (error) => {
      if (error) reject(error)
      else resolve()
    })
  })
}

function compress(tar: Buffer, compression: LayerCompression, compressiblePart: number): Buffer {
  if (compression === 'none') return tar
  return compression === 'zstd' ? zstdCompressSync(tar) : gzip(tar, compressiblePart)
}

// Deflate's stored blocks where all is random: that doesn't shrink, and trying costs nine times the time.
function gzip(tar: Buffer, compressiblePart: number): Buffer {
  const bytes = gzipSync(tar, {
    level: compressiblePart > 0 ? constants.Z_DEFAULT_COMPRESSION : constants.Z_NO_COMPRESSION,
  })
  bytes[GZIP_OS_OFFSET] = GZIP_OS_UNKNOWN
  return bytes
}
