import { decode, encode } from 'cborg'
import { z } from 'zod'

/** Versions of the hello that this node speaks, the best first. */
export const HELLO_VERSIONS: readonly number[] = [1]

/** Longest message that a peer may send before it has proven anything, in bytes. */
export const MAX_STRANGER_MESSAGE_BYTES = 4096

/** Secrets that a node takes for the cluster's, at most: a new one and the one before. */
const MAX_SECRETS = 2

/** Members that a node introduces to a newcomer, at most. */
export const MAX_INTRODUCTIONS = 512

/** Addresses that are told of one node, at most. */
export const MAX_ADDRESSES = 8

const NONCE_BYTES = 32
const MAX_NAME_LENGTH = 255
const MAX_ADDRESS_LENGTH = 255

/** Longest message of the hello, in bytes: the longest introductions, and what else is said with them. */
export const MAX_HELLO_BYTES =
  MAX_INTRODUCTIONS * (MAX_ADDRESSES + 1) * (MAX_ADDRESS_LENGTH + 8) + MAX_STRANGER_MESSAGE_BYTES

// Names end up on terminals: control characters there would be commands.
const name = z
  .string()
  .min(1)
  .max(MAX_NAME_LENGTH)
  .regex(/^\P{C}*$/u)
const nonce = z.instanceof(Uint8Array).refine((bytes) => bytes.length === NONCE_BYTES)
const proof = z.instanceof(Uint8Array).refine((bytes) => bytes.length <= MAX_NAME_LENGTH)
const addresses = z.array(z.string().max(MAX_ADDRESS_LENGTH)).max(MAX_ADDRESSES).readonly()
const facts = z.object({ name, version: name, locality: z.object({ region: name, site: name }) })
const introductions = z
  .array(z.object({ peer: z.string().max(MAX_ADDRESS_LENGTH), addresses }))
  .max(MAX_INTRODUCTIONS)
  .readonly()

/** A member that one side of a hello knows, for the other to get to know. */
export type Introduction = z.infer<typeof introductions>[number]

/** The messages of the hello by their place in it; the dialler begins. Unknown fields are dropped. */
export const HELLO_MESSAGES = {
  opening: z.object({ versions: z.array(z.number()).max(16), nonce }),
  choice: z.object({ version: z.number(), nonce }),
  diallerProof: z.object({
    proof,
    otherProofs: z
      .array(proof)
      .max(MAX_SECRETS - 1)
      .optional(),
  }),
  listenerWelcome: z.object({ proof, facts, addresses }),
  diallerWelcome: z.object({ facts, addresses, introductions }),
  introductions: z.object({ introductions }),
}

/** What may come in place of any message: the end of the hello, and why. */
const refusal = z.object({ refused: z.string().max(64) })

/** Puts a message, or a refusal, into its bytes on the wire: a CBOR map. */
export function encodeHelloMessage(message: Readonly<Record<string, unknown>>): Uint8Array {
  return encode(message)
}

/** Reads a message's bytes. Throws when they are neither a refusal nor a message as `schema` wants it. */
export function decodeHelloMessage<Message>(
  schema: z.ZodType<Message>,
  bytes: Uint8Array,
): Message | z.infer<typeof refusal> {
  const value: unknown = decode(bytes)
  const refused = refusal.safeParse(value)
  return refused.success ? refused.data : schema.parse(value)
}
