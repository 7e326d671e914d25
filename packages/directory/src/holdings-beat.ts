/**
 * What a node's heartbeats carry for the directory of each other node: how far its announcements have come, and what
 * there is after them. A CBOR map:
 *
 * | field | meaning |
 * |---|---|
 * | version | 1; beats of another version are ignored |
 * | own | epoch, sequence, count, fingerprint and bytes of what the node holds itself |
 * | region | epoch, sequence, count and fingerprint of what its region holds; only from the node that speaks for it |
 *
 * epoch and sequence are those of the author's deltas (holdings-messages.ts); count and fingerprint (8 bytes) are those
 * of all its pairs of holder and blob; bytes is the sum of their sizes. Unknown fields are ignored.
 */
import { decode, encode } from 'cborg'
import { PeerProtocolError } from '@layermesh/interface'
import { z } from 'zod'
import type { AccountState } from './account-state.ts'
import { fingerprintSchema, fingerprintToBytes } from './fingerprint-bytes.ts'
import { natural } from './holdings-schema.ts'

const VERSION = 1

/** What a node says of itself in a heartbeat, and of its region if it speaks for it. */
export interface HoldingsBeat {
  readonly own: AccountState & { readonly bytes: number }
  readonly region: AccountState | undefined
}

const stateSchema = z.object({
  epoch: natural,
  sequence: natural,
  count: natural,
  fingerprint: fingerprintSchema,
})

const beatSchema = z.object({
  own: stateSchema.extend({ bytes: natural }),
  region: stateSchema.optional(),
})

/** Writes a beat. */
export function encodeHoldingsBeat({ own, region }: HoldingsBeat): Uint8Array {
  return encode({ version: VERSION, own: stateToWire(own), ...(region && { region: stateToWire(region) }) })
}

/** Reads a beat; undefined when it is of another version. Throws ERR_PEER_PROTOCOL for bytes that are none. */
export function decodeHoldingsBeat(bytes: Uint8Array): HoldingsBeat | undefined {
  try {
    const body: unknown = decode(bytes, { rejectDuplicateMapKeys: true })
    if (z.object({ version: natural }).parse(body).version !== VERSION) return undefined
    const { own, region } = beatSchema.parse(body)
    return { own, region }
  } catch (cause) {
    throw new PeerProtocolError("a heartbeat about holdings that can't be read", { cause })
  }
}

function stateToWire(state: AccountState) {
  return { ...state, fingerprint: fingerprintToBytes(state.fingerprint) }
}
