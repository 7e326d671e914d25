/**
 * The tag protocol, `/layermesh/tag/1.0.0`: one stream asks one peer for its record of one tag.
 *
 * ```
 * client:  ask                               close
 * server:       *( wait ) ( record | none | refuse )
 * ```
 *
 * Frames are those of the blob protocol: one byte for the type, then a CBOR map; unknown fields are ignored.
 * A record's time is sent as an age, so that two nodes whose clocks differ mean the same moment.
 *
 * | type | frame | fields |
 * |---|---|---|
 * | 1 | ask | upstream, repository, tag, access? `anonymous` or `login`, leadScope? `site`, `region` or `world` |
 * | 2 | record | digest, mediaType, sizeBytes (at most 4 MiB), ageMs since upstream last confirmed it, access? with which it did |
 * | 3 | none | |
 * | 4 | refuse | reason, message, retryAfterMs?, as in the blob protocol; only to an ask with leadScope |
 * | 7 | wait | |
 */
import { LINK_CLASSES, type Frame, type LinkClass, type TagRecord, type TagRef } from '@layermesh/interface'
import { MAX_MANIFEST_BYTES } from '@layermesh/oci'
import { z } from 'zod'
import { contentSchema } from './content-schema.ts'
import { decodeFrame, encodeFrame, type DecodedFrame } from './frame-codec.ts'
import { describeRefusal, refusalBody, refusalSchema } from './refusals.ts'
import { WAIT_KIND } from './wait-frames.ts'

/** What one node asks another about a tag. */
export interface TagRequest {
  readonly ref: TagRef
  /**
   * "I ask you as the lead of this scope": a peer that doesn't know it has it asked upstream. Only a peer that comes before this
   * node in rendezvous order is asked so.
   */
  readonly leadScope?: LinkClass | undefined
}

/** The protocol's id on the wire. */
export const TAG_PROTOCOL = '/layermesh/tag/1.0.0'

/** `type/subtype` (RFC 6838 §4.2): nothing that could break out of a header that it is put in. */
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/

const KINDS = {
  ask: {
    code: 1,
    schema: z.object({
      upstream: contentSchema.upstream,
      repository: contentSchema.repository,
      tag: contentSchema.tag,
      access: contentSchema.access,
      leadScope: z.enum(LINK_CLASSES).optional(),
    }),
  },
  record: {
    code: 2,
    schema: z.object({
      digest: contentSchema.digest,
      mediaType: z.string().regex(MEDIA_TYPE),
      sizeBytes: z.int().nonnegative().max(MAX_MANIFEST_BYTES),
      ageMs: z.int().nonnegative(),
      access: contentSchema.access,
    }),
  },
  none: { code: 3, schema: z.object({}) },
  refuse: { code: 4, schema: refusalSchema },
  wait: WAIT_KIND,
}

/** Any frame of the protocol. */
export type TagFrame = DecodedFrame<typeof KINDS>

/** Reads a frame. Throws ERR_PEER_PROTOCOL for anything that is none. */
export function decodeTagFrame(frame: Frame): TagFrame {
  return decodeFrame(KINDS, frame)
}

/** "What do you know of this tag?" */
export function askFrame({ ref: { upstream, repository, tag, access }, leadScope }: TagRequest): Frame {
  return encodeFrame(KINDS.ask, { upstream, repository, tag, access, leadScope })
}

/** "This, and that long ago"; `nowMs` is Unix time in milliseconds. A record from the future counts as new. */
export function recordFrame(
  { digest, mediaType, sizeBytes, confirmedAtMs, access }: TagRecord,
  nowMs: number,
): Frame {
  const ageMs = Math.max(0, Math.round(nowMs - confirmedAtMs))
  return encodeFrame(KINDS.record, { digest, mediaType, sizeBytes, ageMs, access })
}

/** "Nothing." */
export const NONE_FRAME: Frame = encodeFrame(KINDS.none, {})

/** "I can't tell you, and this is why." */
export function tagRefusalFrame(error: unknown): Frame {
  const { reason, ...details } = describeRefusal(error)
  return encodeFrame(KINDS.refuse, refusalBody(reason, details))
}
