import type { Digest } from '@layermesh/interface'
import type { RequestKind } from './origin-request.ts'
import type { Reply } from './reply.ts'

/** Bytes of reply bodies that went out, without headers. */
export interface OriginAccount {
  readonly manifestBytes: number
  readonly blobBytes: number
  /** Tokens, lists and error bodies. */
  readonly otherBytes: number
  /** Bytes sent of each content. */
  readonly byDigest: Readonly<Record<string, number>>
  /** Sizes of all contents of which a byte was sent, each once: what would have been enough for one copy of each. */
  readonly uniqueBytes: number
}

/** Adds up what a registry sends. */
export class ByteAccount {
  #manifestBytes = 0
  #blobBytes = 0
  #otherBytes = 0
  readonly #byDigest = new Map<Digest, { sentBytes: number; readonly sizeBytes: number }>()

  /** Counts bytes of a reply's body, which belong to `content` or, if it is undefined, to no content. */
  add(kind: RequestKind, content: Reply['content'], sentBytes: number): void {
    if (content === undefined) {
      this.#otherBytes += sentBytes
      return
    }
    if (kind === 'manifest') this.#manifestBytes += sentBytes
    else this.#blobBytes += sentBytes
    const entry = this.#byDigest.get(content.digest) ?? { sentBytes: 0, sizeBytes: content.sizeBytes }
    entry.sentBytes += sentBytes
    this.#byDigest.set(content.digest, entry)
  }

  /** What has been counted since the start or the last reset. */
  snapshot(): OriginAccount {
    return {
      manifestBytes: this.#manifestBytes,
      blobBytes: this.#blobBytes,
      otherBytes: this.#otherBytes,
      byDigest: Object.fromEntries(
        this.#byDigest.entries().map(([digest, { sentBytes }]) => [digest, sentBytes]),
      ),
      uniqueBytes: this.#byDigest.values().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    }
  }

  reset(): void {
    this.#manifestBytes = 0
    this.#blobBytes = 0
    this.#otherBytes = 0
    this.#byDigest.clear()
  }
}
