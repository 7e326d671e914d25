import { decode, encode } from 'cborg'
import { PeerProtocolError, type Frame } from '@layermesh/interface'
import type { z } from 'zod'

/** Longest body of a frame that isn't raw bytes: bounds what a peer can make us parse. */
export const MAX_BODY_BYTES = 16 * 1024

/** A kind of frame: the byte that it starts with, and what its body must be. */
export interface FrameKind<Body> {
  readonly code: number
  readonly schema: z.ZodType<Body>
}

/** The kinds of frames of a protocol, by name. */
export type FrameKinds = Readonly<Record<string, FrameKind<object>>>

/** A frame of one of the kinds, decoded: its kind's name as `type`, and its body. */
export type DecodedFrame<Kinds extends FrameKinds> = {
  [Type in keyof Kinds & string]: { readonly type: Type } & z.infer<Kinds[Type]['schema']>
}[keyof Kinds & string]

/** Writes a frame: the kind's byte, then the body in CBOR (RFC 8949) with its fields as a map. */
export function encodeFrame(kind: FrameKind<object>, body: object): Frame {
  return Buffer.concat([Uint8Array.of(kind.code), encode(body, { ignoreUndefinedProperties: true })])
}

/**
 * Reads a frame. Fields that we don't know are ignored, so that later versions can add some.
 * Throws ERR_PEER_PROTOCOL for everything that isn't a frame of one of the kinds.
 */
export function decodeFrame<Kinds extends FrameKinds>(kinds: Kinds, frame: Frame): DecodedFrame<Kinds> {
  const found = Object.entries(kinds).find(([, { code }]) => code === frame[0])
  if (found === undefined) throw new PeerProtocolError(`a frame of the unknown type ${frame[0] ?? 'nothing'}`)
  const [type, { schema }] = found
  if (frame.length > MAX_BODY_BYTES) {
    throw new PeerProtocolError(`a ${type} frame of ${frame.length} bytes is too long`)
  }
  try {
    const body = schema.parse(decode(frame.subarray(1), { rejectDuplicateMapKeys: true }))
    return { type, ...body } as DecodedFrame<Kinds>
  } catch (cause) {
    throw new PeerProtocolError(`a ${type} frame that can't be read`, { cause })
  }
}
