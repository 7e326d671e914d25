import type { NodeFacts, PeerId, PeerStream } from '@layermesh/interface'
import type { z } from 'zod'
import {
  decodeHelloMessage,
  encodeHelloMessage,
  HELLO_MESSAGES,
  HELLO_VERSIONS,
  MAX_STRANGER_MESSAGE_BYTES,
  type Introduction,
} from './admission-messages.ts'
import { proofOf, sameProof, type AdmissionRole, type AdmissionTranscript } from './admission-proof.ts'
import { AdmissionRefusal } from './admission-refusal.ts'
import type { AdmittedPeer } from './membership-view.ts'

/** The protocol by which two nodes admit each other; it runs once for each connection, opened by its dialler. */
export const HELLO_PROTOCOL = '/layermesh/hello/1.0.0'

/** What a node brings to a hello. */
export interface AdmissionParty {
  readonly peer: PeerId
  readonly facts: NodeFacts
  /** Secrets that count as the cluster's, at most two: the first is the one to stay. None: proofs are empty. */
  readonly secrets: readonly string[]
  /** Whether a peer may be a member at all. */
  readonly isAllowed: (peer: PeerId) => boolean
  /** Multiaddrs under which this node can be reached. */
  readonly addresses: readonly string[]
  /** 32 random bytes, never used before. */
  readonly nonce: Uint8Array
}

/**
 * Makes the peer a member, that has proven this secret, and returns the members to introduce to it. It is called as soon as the peer is known,
 * and introductions are made after that: so of two newcomers the later one always hears of the earlier one.
 */
export type Admit = (newcomer: AdmittedPeer, secret: string | undefined) => readonly Introduction[]

/** Options of both sides of the hello. */
export interface HelloOptions {
  readonly signal: AbortSignal
}

/**
 * The dialler's side of the hello. Resolves with the members that the peer introduces; throws
 * {@link AdmissionRefusal}, and what the stream throws.
 *
 * The dialler proves the secret first, because anybody can dial a node: whoever can't prove it gets nothing that a
 * secret could be guessed from.
 */
export async function helloAsDialler(
  stream: PeerStream,
  us: AdmissionParty,
  admit: Admit,
  options: HelloOptions,
): Promise<readonly Introduction[]> {
  if (!us.isAllowed(stream.peer)) throw new AdmissionRefusal('allow', NOT_ALLOWED)
  await say(stream, { versions: HELLO_VERSIONS, nonce: us.nonce }, options)
  const choice = await hear(stream, HELLO_MESSAGES.choice, options, MAX_STRANGER_MESSAGE_BYTES)
  if (!HELLO_VERSIONS.includes(choice.version)) await refuseVersion(stream, [choice.version], options)
  const transcript = {
    diallerNonce: us.nonce,
    listenerNonce: choice.nonce,
    diallerPeer: us.peer,
    listenerPeer: stream.peer,
  }
  const [proof, ...otherProofs] = proofsOf(us.secrets, 'dialler', transcript)
  await say(stream, { proof, otherProofs }, options)
  const welcome = await hear(stream, HELLO_MESSAGES.listenerWelcome, options)
  const secret = await requireProof(stream, [welcome.proof], 'listener', us, transcript, options)
  const introductions = admit(welcome, secret)
  await say(stream, { facts: us.facts, addresses: us.addresses, introductions }, options)
  const { introductions: known } = await hear(stream, HELLO_MESSAGES.introductions, options)
  return known
}

/** The listener's side of the hello; otherwise as {@link helloAsDialler}. */
export async function helloAsListener(
  stream: PeerStream,
  us: AdmissionParty,
  admit: Admit,
  options: HelloOptions,
): Promise<readonly Introduction[]> {
  const opening = await hear(stream, HELLO_MESSAGES.opening, options, MAX_STRANGER_MESSAGE_BYTES)
  const version = HELLO_VERSIONS.find((ours) => opening.versions.includes(ours))
  if (version === undefined) return refuseVersion(stream, opening.versions, options)
  if (!us.isAllowed(stream.peer)) await refuse(stream, 'allow', NOT_ALLOWED, options)
  await say(stream, { version, nonce: us.nonce }, options)
  const transcript = {
    diallerNonce: opening.nonce,
    listenerNonce: us.nonce,
    diallerPeer: stream.peer,
    listenerPeer: us.peer,
  }
  const said = await hear(stream, HELLO_MESSAGES.diallerProof, options, MAX_STRANGER_MESSAGE_BYTES)
  const proofs = [said.proof, ...(said.otherProofs ?? [])]
  const secret = await requireProof(stream, proofs, 'dialler', us, transcript, options)
  const { facts, addresses } = us
  await say(stream, { proof: proofOf(secret, 'listener', transcript), facts, addresses }, options)
  const welcome = await hear(stream, HELLO_MESSAGES.diallerWelcome, options)
  await say(stream, { introductions: admit(welcome, secret) }, options)
  return welcome.introductions
}

const NOT_ALLOWED = 'the list of allowed peers is without it'

async function say(
  stream: PeerStream,
  message: Readonly<Record<string, unknown>>,
  options: HelloOptions,
): Promise<void> {
  await stream.send(encodeHelloMessage(message), options)
}

async function hear<Message>(
  stream: PeerStream,
  schema: z.ZodType<Message>,
  options: HelloOptions,
  maxBytes = Infinity,
): Promise<Message> {
  const frame = await stream.receive(options)
  if (frame === undefined) throw new AdmissionRefusal('lost', 'the peer ended the hello')
  if (frame.length > maxBytes) throw new AdmissionRefusal('protocol', 'a message of the hello is too long')
  const message = decodeOrRefuse(schema, frame)
  if (isRefusal(message)) throw refusalByPeer(message.refused)
  return message
}

function decodeOrRefuse<Message>(schema: z.ZodType<Message>, frame: Uint8Array) {
  try {
    return decodeHelloMessage(schema, frame)
  } catch (cause) {
    throw new AdmissionRefusal('protocol', 'a message of the hello makes no sense', { cause })
  }
}

function isRefusal(message: unknown): message is { refused: string } {
  return (message as { refused?: unknown }).refused !== undefined
}

function refusalByPeer(reason: string): AdmissionRefusal {
  switch (reason) {
    case 'secret':
      return new AdmissionRefusal('secret', 'the peer refused: its cluster secret is not the same as ours')
    case 'allow':
      return new AdmissionRefusal('allow', 'the peer refused: its list of allowed peers is without this node')
    case 'version':
      return new AdmissionRefusal('version', 'the peer refused: it speaks no version of the hello that we do')
    default:
      return new AdmissionRefusal('protocol', `the peer refused: ${JSON.stringify(reason)}`)
  }
}

/** Finds the secret of ours that one of the proofs proves, and refuses the peer when there is none. */
async function requireProof(
  stream: PeerStream,
  proofs: readonly Uint8Array[],
  role: AdmissionRole,
  { secrets }: AdmissionParty,
  transcript: AdmissionTranscript,
  options: HelloOptions,
): Promise<string | undefined> {
  const candidates = secrets.length === 0 ? [undefined] : secrets
  const proven = candidates.findIndex((secret) => {
    const ours = proofOf(secret, role, transcript)
    return proofs.some((theirs) => sameProof(theirs, ours))
  })
  if (proven === -1) await refuse(stream, 'secret', describeMismatch(secrets, proofs), options)
  return candidates[proven]
}

function proofsOf(
  secrets: readonly string[],
  role: AdmissionRole,
  transcript: AdmissionTranscript,
): readonly Uint8Array[] {
  return (secrets.length === 0 ? [undefined] : secrets).map((secret) => proofOf(secret, role, transcript))
}

function describeMismatch(secrets: readonly string[], proofs: readonly Uint8Array[]): string {
  if (secrets.length === 0) return 'the peer has a cluster secret and this node has none'
  if (proofs.every(({ length }) => length === 0))
    return 'the peer has no cluster secret and this node has one'
  return 'the cluster secrets differ'
}

function refuseVersion(stream: PeerStream, theirs: readonly number[], options: HelloOptions): Promise<never> {
  const message = `the peer speaks versions ${theirs.join(', ')} of the hello, this node ${HELLO_VERSIONS.join(', ')}`
  return refuse(stream, 'version', message, options)
}

async function refuse(
  stream: PeerStream,
  outcome: 'secret' | 'version' | 'allow',
  message: string,
  options: HelloOptions,
): Promise<never> {
  await say(stream, { refused: outcome }, options)
  throw new AdmissionRefusal(outcome, message, { isTold: true })
}
