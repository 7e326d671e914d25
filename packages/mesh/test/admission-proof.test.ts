import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { PeerId } from '@layermesh/interface'
import { proofOf, sameProof, type AdmissionTranscript } from '../src/admission-proof.ts'

describe('proofOf', () => {
  const transcript: AdmissionTranscript = {
    diallerNonce: new Uint8Array(32).fill(1),
    listenerNonce: new Uint8Array(32).fill(2),
    diallerPeer: 'dialler-id' as PeerId,
    listenerPeer: 'listener-id' as PeerId,
  }

  it('is the HMAC-SHA256 of the length-prefixed fields', () => {
    const field = (bytes: Uint8Array) => [...[0, 0, 0, bytes.length], ...bytes]
    const text = (value: string) => field(Buffer.from(value))
    const message = Uint8Array.from([
      ...text('layermesh hello 1'),
      ...text('dialler'),
      ...field(transcript.diallerNonce),
      ...field(transcript.listenerNonce),
      ...text('dialler-id'),
      ...text('listener-id'),
    ])
    const expected = createHmac('sha256', 'a secret').update(message).digest()
    assert.deepEqual(Buffer.from(proofOf('a secret', 'dialler', transcript)), expected)
    assert.equal(expected.toString('hex'), '44ab6d758c94aa81848442864293167c348ab5c8bbf9d19f8f07cbb3d4945e01')
  })

  it('differs with the secret, the role, each nonce and each peer', () => {
    const nonce = new Uint8Array(32).fill(3)
    const proofs = [
      proofOf('a secret', 'dialler', transcript),
      proofOf('another', 'dialler', transcript),
      proofOf('a secret', 'listener', transcript),
      proofOf('a secret', 'dialler', { ...transcript, diallerNonce: nonce }),
      proofOf('a secret', 'dialler', { ...transcript, listenerNonce: nonce }),
      proofOf('a secret', 'dialler', { ...transcript, diallerPeer: 'other' as PeerId }),
      proofOf('a secret', 'dialler', { ...transcript, listenerPeer: 'other' as PeerId }),
    ].map((proof) => Buffer.from(proof).toString('hex'))
    assert.equal(new Set(proofs).size, proofs.length)
  })

  it('is empty without a secret', () => {
    assert.equal(proofOf(undefined, 'dialler', transcript).length, 0)
  })
})

describe('sameProof', () => {
  it('compares content and length', () => {
    assert.equal(sameProof(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true)
    assert.equal(sameProof(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false)
    assert.equal(sameProof(Uint8Array.of(1, 2), Uint8Array.of(1)), false)
    assert.equal(sameProof(new Uint8Array(), new Uint8Array()), true)
  })
})
