import type { Access, Descriptor, TagRef } from './content.ts'

/** What a tag pointed to, and when upstream last said so. */
export interface TagRecord extends Descriptor {
  /** Unix time in milliseconds at which upstream last confirmed the record. */
  readonly confirmedAtMs: number
  /** With which access upstream said so: others get nothing of it. @default anonymous */
  readonly access?: Access | undefined
}

/** Tag records that survive a restart. */
export interface TagStore {
  /** The record of a tag, or undefined when there is none. */
  find(ref: TagRef): Promise<TagRecord | undefined>
  /** Stores or replaces a tag's record. */
  put(ref: TagRef, record: TagRecord): Promise<void>
  /** Drops a tag's record, if there is one. */
  remove(ref: TagRef): Promise<void>
  /** Every tag that there is a record of, by upstream, repository and tag. */
  list(): AsyncIterable<TagRef & TagRecord>
}
