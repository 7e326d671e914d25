import type { Descriptor } from '@layermesh/interface'

/** An image that upstream serves. */
export interface PublishedImage {
  readonly repository: string
  readonly tag: string
  readonly uniqueBytes: number
  readonly contents: readonly Descriptor[]
}
