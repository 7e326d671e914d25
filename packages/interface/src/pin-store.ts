import type { Digest } from './digest.ts'
import type { RepositoryRef } from './content.ts'

/** An image by tag, whatever the tag points to at the time, or by digest. */
export type ImageRef = RepositoryRef &
  (
    | { readonly tag: string; readonly digest?: undefined }
    | { readonly digest: Digest; readonly tag?: undefined }
  )

/** An image that must not be evicted, whether it is here already or not. */
export type Pin = ImageRef & {
  /** Unix time in milliseconds. */
  readonly pinnedAtMs: number
}

/** Pins that survive a restart and a power cut. */
export interface PinStore {
  /** Adds a pin; does nothing when there is one. Throws a RangeError when there are as many as may be. */
  put(pin: Pin): Promise<void>
  /** Drops a pin; says whether there was one. */
  remove(ref: ImageRef): Promise<boolean>
  /** Every pin, by upstream, repository and reference. Held in memory. */
  list(): readonly Pin[]
}
