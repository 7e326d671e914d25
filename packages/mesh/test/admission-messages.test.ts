import assert from 'node:assert/strict'
import {
  decodeHelloMessage,
  encodeHelloMessage,
  HELLO_MESSAGES,
  MAX_ADDRESSES,
  MAX_HELLO_BYTES,
  MAX_INTRODUCTIONS,
} from '../src/admission-messages.ts'

describe('decodeHelloMessage', () => {
  const facts = { name: 'edge-7', version: '0.1.0', locality: { region: 'eu', site: 'paris' } }
  const addresses = ['/ip4/192.0.2.1/tcp/4001']
  const welcome = { facts, addresses, introductions: [{ peer: 'alice', addresses }] }

  const reread = (message: Readonly<Record<string, unknown>>) =>
    decodeHelloMessage(HELLO_MESSAGES.diallerWelcome, encodeHelloMessage(message))

  it('reads what was encoded', () => {
    assert.deepEqual(reread(welcome), welcome)
  })

  it('ignores unknown fields at any depth', () => {
    const locality = { ...facts.locality, rack: 4 }
    assert.deepEqual(reread({ ...welcome, facts: { ...facts, locality, colour: 'blue' }, extra: 1 }), welcome)
  })

  it('reads a refusal in place of any message', () => {
    assert.deepEqual(reread({ refused: 'secret' }), { refused: 'secret' })
  })

  const wrong = {
    'a missing field': { facts, addresses },
    'a wrong type': { ...welcome, addresses: 'none' },
    'an empty name': { ...welcome, facts: { ...facts, name: '' } },
    'a name that is too long': { ...welcome, facts: { ...facts, name: 'x'.repeat(256) } },
    'a name with control characters': { ...welcome, facts: { ...facts, name: 'x\u001b[2J' } },
    'too many addresses': { ...welcome, addresses: Array(MAX_ADDRESSES + 1).fill(addresses[0]) },
    'an address that is too long': { ...welcome, addresses: [`/dns/${'x'.repeat(255)}`] },
    'too many introductions': {
      ...welcome,
      introductions: Array(MAX_INTRODUCTIONS + 1).fill({ peer: 'alice', addresses }),
    },
  }
  for (const [what, message] of Object.entries(wrong)) {
    it(`throws on ${what}`, () => {
      assert.throws(() => reread(message))
    })
  }

  it('throws on bytes that are no CBOR map', () => {
    for (const bytes of [[], [0xff], [0x01], [0x80], [0xa1, 0x61]]) {
      assert.throws(() => decodeHelloMessage(HELLO_MESSAGES.diallerProof, Uint8Array.from(bytes)))
    }
    assert.throws(() => decodeHelloMessage(HELLO_MESSAGES.diallerProof, new Uint8Array(4096).fill(0x81)))
  })

  it('throws on a nonce that is not 32 bytes long', () => {
    const opening = (nonceBytes: number) =>
      decodeHelloMessage(
        HELLO_MESSAGES.opening,
        encodeHelloMessage({ versions: [1], nonce: new Uint8Array(nonceBytes) }),
      )
    opening(32)
    assert.throws(() => opening(31))
  })

  it('allows no message that is too long for the hello', () => {
    const longest = 'x'.repeat(255)
    const most = Array<string>(MAX_ADDRESSES).fill(longest)
    const introductions = Array(MAX_INTRODUCTIONS).fill({ peer: longest, addresses: most })
    const longestFacts = { name: longest, version: longest, locality: { region: longest, site: longest } }
    const message = encodeHelloMessage({ facts: longestFacts, addresses: most, introductions })
    decodeHelloMessage(HELLO_MESSAGES.diallerWelcome, message)
    assert.ok(message.length <= MAX_HELLO_BYTES)
  })
})
