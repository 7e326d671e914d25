import type { CacheControl } from '@layermesh/interface'

/** A call of a {@link CacheControl}: the method, then its arguments without an abort signal. */
export type CacheCall = readonly [method: keyof CacheControl, ...args: readonly unknown[]]

/** A cache without content that notes what it is asked for. */
export interface ScriptedCacheControl extends CacheControl {
  readonly calls: readonly CacheCall[]
}

/** Creates the script of a cache: it does what `answers` says, and has, pins, purges and verifies nothing otherwise. */
export function scriptedCacheControl(answers: Partial<CacheControl> = {}): ScriptedCacheControl {
  const calls: CacheCall[] = []
  const script: CacheControl = { ...EMPTY_CACHE, ...answers }
  return {
    calls,
    images() {
      calls.push(['images'])
      return script.images()
    },
    pins() {
      calls.push(['pins'])
      return script.pins()
    },
    pin(image) {
      calls.push(['pin', image])
      return script.pin(image)
    },
    unpin(image) {
      calls.push(['unpin', image])
      return script.unpin(image)
    },
    purge(selection, options) {
      calls.push(['purge', selection, options])
      return script.purge(selection, options)
    },
    verify(selection, options) {
      calls.push(['verify', selection])
      return script.verify(selection, options)
    },
  }
}

const EMPTY_CACHE: CacheControl = {
  images: () => Promise.resolve([]),
  pins: () => Promise.resolve([]),
  pin: (image) =>
    Promise.resolve({ image, pinnedAt: new Date(0).toISOString(), digest: null, blobs: 0, bytes: 0 }),
  unpin: () => Promise.resolve(undefined),
  purge: (_selection, { dryRun }) =>
    Promise.resolve({
      dryRun,
      images: [],
      blobs: 0,
      bytes: 0,
      kept: { pinnedImages: [], sharedBlobs: 0, sharedBytes: 0 },
    }),
  // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous
  async *verify() {
    yield { done: true, blobs: 0, bytes: 0, totalBlobs: 0, totalBytes: 0, damaged: [] }
  },
}
