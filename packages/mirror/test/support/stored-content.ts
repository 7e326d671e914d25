import {
  ContentUnavailableError,
  type BlobFacts,
  type BlobStore,
  type ContentFetcher,
  type ContentRef,
  type Fill,
  type FetchedBlob,
} from '@layermesh/interface'

/** Blobs of a real store: finished ones from the cache, and one that is being filled. */
export class StoredContent implements ContentFetcher {
  fill: Fill | undefined
  readonly #blobs: BlobStore

  constructor(blobs: BlobStore) {
    this.#blobs = blobs
  }

  async statBlob({ digest }: ContentRef): Promise<BlobFacts> {
    const stat = await this.#blobs.stat(digest)
    if (stat === undefined) throw new ContentUnavailableError('no blob')
    return { sizeBytes: stat.sizeBytes, source: 'cache' }
  }

  async openBlob({ digest }: ContentRef): Promise<FetchedBlob> {
    const fill = this.fill?.digest === digest ? this.fill : undefined
    const handle = fill?.open() ?? (await this.#blobs.open(digest))
    return {
      digest,
      sizeBytes: handle.sizeBytes,
      source: fill === undefined ? 'cache' : 'upstream',
      read: (range, options) => handle.read(range, options),
      [Symbol.asyncDispose]: () => handle[Symbol.asyncDispose](),
    }
  }

  async resolveTag(): Promise<never> {
    throw new ContentUnavailableError('no tags')
  }

  async getManifest(): Promise<never> {
    throw new ContentUnavailableError('no manifests')
  }
}
