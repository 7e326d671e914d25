import { createHash } from 'node:crypto'
import type { Digest, TagRecord } from '@layermesh/interface'
import type {
  ContentProvider,
  IncomingRequest,
  IncomingTagRequest,
  ProvidedContent,
  ProvidedPiece,
  ProvideOptions,
} from '@layermesh/exchange'

const CHUNK_BYTES = 256 * 1024

/** Content that a {@link ScriptedProvider} gives, and what goes wrong with it. */
export interface Script {
  readonly bytes: Uint8Array
  readonly pieceBytes: number
  readonly complete?: boolean
  /** Pieces that can be had, if not all. */
  readonly availablePieces?: number
  /** Awaited before the content is given. */
  readonly beforeHead?: (signal: AbortSignal) => Promise<void>
  /** Awaited before a piece is given. */
  readonly beforePiece?: (index: number, signal: AbortSignal) => Promise<void>
  /** Awaited before each chunk of a piece is read. */
  readonly beforeChunk?: (offset: number, signal: AbortSignal) => Promise<void>
  /** What is sent in the place of the right bytes. */
  readonly falsify?: (chunk: Uint8Array) => Uint8Array
}

/** Gives real bytes to peers, and keeps count of what was asked for and given back. */
export class ScriptedProvider implements ContentProvider {
  readonly contents = new Map<Digest, Script>()
  readonly tags = new Map<string, TagRecord>()
  readonly requests: IncomingRequest[] = []
  readonly tagRequests: IncomingTagRequest[] = []
  /** Awaited before a tag is told. */
  beforeTag: (() => Promise<void>) | undefined
  readonly askedPieces: number[] = []
  /** Contents that were opened and not disposed of yet. */
  open = 0
  readonly signals: AbortSignal[] = []

  async provide(request: IncomingRequest, { signal }: ProvideOptions): Promise<ProvidedContent | undefined> {
    this.requests.push(request)
    this.signals.push(signal)
    const script = this.contents.get(request.ref.digest)
    if (script === undefined) return undefined
    await script.beforeHead?.(signal)
    signal.throwIfAborted()
    this.open += 1
    return {
      sizeBytes: script.bytes.length,
      pieceBytes: script.pieceBytes,
      complete: script.complete ?? true,
      availablePieces: script.availablePieces,
      piece: (index, options) => this.#piece(script, index, options.signal),
      [Symbol.asyncDispose]: () => {
        this.open -= 1
        return Promise.resolve()
      },
    }
  }

  async findTag(request: IncomingTagRequest): Promise<TagRecord | undefined> {
    this.tagRequests.push(request)
    await this.beforeTag?.()
    return this.tags.get(request.ref.tag)
  }

  async #piece(script: Script, index: number, signal: AbortSignal): Promise<ProvidedPiece> {
    this.askedPieces.push(index)
    await script.beforePiece?.(index, signal)
    const bytes = script.bytes.subarray(index * script.pieceBytes, (index + 1) * script.pieceBytes)
    return {
      sha256: createHash('sha256').update(bytes).digest(),
      read: () => readLent(bytes, script, signal),
    }
  }
}

/** Lends two buffers in turns, as the blob store does: whoever keeps a chunk for longer finds other bytes in it. */
async function* readLent(
  bytes: Uint8Array,
  script: Script,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const buffers = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)]
  for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
    await script.beforeChunk?.(offset, signal)
    signal.throwIfAborted()
    const part = bytes.subarray(offset, offset + CHUNK_BYTES)
    const [lent] = buffers.reverse()
    lent!.set(part)
    const chunk = lent!.subarray(0, part.length)
    yield script.falsify?.(chunk) ?? chunk
  }
}
