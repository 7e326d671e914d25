import { MAX_FINGERPRINT_BYTES } from '@layermesh/interface'
import { decode, encode } from 'cborg'
import { z } from 'zod'
import type { Beat } from './membership-view.ts'

/** Longest heartbeat on the wire, in bytes. */
export const MAX_BEAT_BYTES = 16 * 1024

const MAX_CAPABILITIES = 64
const MAX_CAPABILITY_LENGTH = 128
const MAX_ROUND_TRIP_MS = 600_000

const count = z.number().int().nonnegative()
/** Unknown fields are dropped: newer versions may say more. */
const schema = z.object({
  epoch: count,
  sequence: count,
  load: z.number().min(0).max(1),
  // Names end up on terminals: control characters there would be commands.
  capabilities: z
    .array(
      z
        .string()
        .max(MAX_CAPABILITY_LENGTH)
        .regex(/^\P{C}*$/u),
    )
    .max(MAX_CAPABILITIES),
  fingerprint: z
    .instanceof(Uint8Array)
    .refine((bytes) => bytes.length <= MAX_FINGERPRINT_BYTES)
    .optional(),
  roundTripMs: z.number().min(0).max(MAX_ROUND_TRIP_MS).optional(),
  leaving: z.boolean().optional(),
})

/** A heartbeat as it travels over one connection. */
export interface BeatMessage extends Beat {
  /** The round-trip time that the sender has measured on this connection, in milliseconds. */
  readonly roundTripMs: number | undefined
  /** The sender is leaving; this is its last heartbeat. */
  readonly leaving: boolean
}

/** Puts a heartbeat into its bytes: a CBOR map. */
export function encodeBeat({ vitals, fingerprint, roundTripMs, ...rest }: BeatMessage): Uint8Array {
  const { epoch, sequence, leaving } = rest
  return encode({
    epoch,
    sequence,
    load: vitals.load,
    capabilities: vitals.capabilities.slice(0, MAX_CAPABILITIES),
    ...(fingerprint && { fingerprint }),
    ...(roundTripMs !== undefined && { roundTripMs: Math.min(roundTripMs, MAX_ROUND_TRIP_MS) }),
    ...(leaving && { leaving }),
  })
}

/** Reads a heartbeat. Throws when it is none. */
export function decodeBeat(bytes: Uint8Array): BeatMessage {
  const { load, capabilities, epoch, sequence, fingerprint, roundTripMs, leaving } = schema.parse(
    decode(bytes),
  )
  return {
    ...{ epoch, sequence, fingerprint, roundTripMs },
    vitals: { load, capabilities },
    leaving: leaving ?? false,
  }
}
