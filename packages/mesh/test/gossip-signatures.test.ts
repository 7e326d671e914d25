import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { silentLog } from '@layermesh/interface'
import type { GossipSub, GossipSubComponents } from '@chainsafe/libp2p-gossipsub'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { ComponentLogger, PeerId, PrivateKey, Startable } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { Gossip } from '../src/gossip.ts'

const TOPIC = '/layermesh/test/1'
const SIGN_PREFIX = Buffer.from('libp2p-pubsub:')

/** A message as gossipsub gets it from a stream. */
interface SignedMessage {
  readonly from: Uint8Array
  readonly data: Uint8Array
  readonly seqno: Uint8Array
  readonly topic: string
  readonly signature: Uint8Array
}

/** Signs as the pubsub specification of libp2p says: over the prefix and the message without its signature, as protocol buffer. */
async function signedBy(author: PrivateKey, number: number): Promise<SignedMessage> {
  const from = peerIdFromPrivateKey(author).toMultihash().bytes
  const data = Buffer.from('a message')
  const seqno = Buffer.alloc(8)
  seqno.writeUInt32BE(number, 4)
  const fields = [from, data, seqno, Buffer.from(TOPIC)]
  const encoded = fields.map((bytes, index) =>
    Buffer.concat([Buffer.of(((index + 1) << 3) | 2, bytes.length), bytes]),
  )
  const signature = await author.sign(Buffer.concat([SIGN_PREFIX, ...encoded]))
  return { from, data, seqno, topic: TOPIC, signature }
}

describe('Gossip, when others pass on what has come already', () => {
  const { verify } = crypto
  let checks = 0
  let received: number
  let pubsub: GossipSub & Startable
  let receive: (message: SignedMessage) => Promise<void>
  let author: PrivateKey

  beforeEach(async () => {
    checks = 0
    received = 0
    const [privateKey, neighbourKey] = [await generateKeyPair('Ed25519'), await generateKeyPair('Ed25519')]
    author = await generateKeyPair('Ed25519')
    const gossip = new Gossip({
      log: silentLog,
      isMember: () => true,
      isAdmitted: () => Promise.resolve(true),
      take: () => true,
    })
    const nothing = Object.assign(() => {}, { trace: () => {}, error: () => {}, enabled: false })
    const logger = { forComponent: () => nothing } as unknown as ComponentLogger
    const registrar = { handle: () => Promise.resolve(), unhandle: () => Promise.resolve() }
    const peerId = peerIdFromPrivateKey(privateKey)
    const components = { privateKey, peerId, logger, registrar, connectionManager: {}, peerStore: {} }
    pubsub = gossip.createService(components as unknown as GossipSubComponents) as GossipSub & Startable
    await pubsub.start()
    gossip.start()
    gossip.subscribe(TOPIC, () => (received += 1))
    const neighbour = peerIdFromPrivateKey(neighbourKey)
    // What gossipsub does with each message of a stream; it has no other way in.
    const { handleReceivedMessage } = pubsub as unknown as {
      handleReceivedMessage: (from: PeerId, message: SignedMessage) => Promise<void>
    }
    receive = (message) => handleReceivedMessage.call(pubsub, neighbour, message)
    const check = verify as (...args: unknown[]) => unknown
    crypto.verify = ((...args: unknown[]) => {
      checks += 1
      return check(...args)
    }) as typeof verify
  })

  afterEach(async () => {
    crypto.verify = verify
    await pubsub.stop()
  })

  it('checks each signature once', async () => {
    const [one, two] = [await signedBy(author, 1), await signedBy(author, 2)]
    for (const message of [one, one, two, one, two]) await receive(message)
    assert.deepEqual({ checks, received }, { checks: 2, received: 2 })
  })

  it('takes the real message after a forged one with its number', async () => {
    const real = await signedBy(author, 1)
    const forged = { ...real, data: Buffer.from('something') }
    for (const message of [forged, real, forged, real]) await receive(message)
    assert.deepEqual({ checks, received }, { checks: 2, received: 1 })
  })
})
