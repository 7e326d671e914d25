import assert from 'node:assert/strict'
import type { NodeFacts, PeerStream } from '@layermesh/interface'
import { createMemoryMesh } from '@layermesh/testkit'
import { decode, encode } from 'cborg'
import type { Introduction } from '../src/admission-messages.ts'
import { proofOf } from '../src/admission-proof.ts'
import { AdmissionRefusal } from '../src/admission-refusal.ts'
import { HELLO_PROTOCOL, helloAsDialler, helloAsListener, type AdmissionParty } from '../src/admission.ts'
import type { AdmittedPeer } from '../src/membership-view.ts'

type Script = (stream: PeerStream) => Promise<unknown>

describe('hello', () => {
  const factsOf = (name: string): NodeFacts => ({
    name,
    version: '0.1.0',
    locality: { region: 'eu', site: 'paris' },
  })
  const options = { signal: new AbortController().signal }
  const nonceOf = (byte: number) => new Uint8Array(32).fill(byte)

  /** Runs both sides over a stream between two nodes; each side's outcome is one element. */
  const run = async (dialler: Script, listener: Script) => {
    const mesh = createMemoryMesh()
    const [near, far] = [mesh.join(factsOf('dialler')), mesh.join(factsOf('listener'))]
    const listened = Promise.withResolvers<PromiseSettledResult<unknown>>()
    await far.handle(HELLO_PROTOCOL, async (stream) => {
      const [outcome] = await Promise.allSettled([listener(stream)])
      listened.resolve(outcome)
    })
    const stream = await near.openStream(far.self.peer, HELLO_PROTOCOL)
    const [dialled] = await Promise.allSettled([dialler(stream)])
    await stream.close()
    return [dialled, await listened.promise] as const
  }

  const sideOf =
    (
      role: 'dialler' | 'listener',
      secret: string | undefined,
      met: AdmittedPeer[] = [],
      introduce: Introduction[] = [],
    ) =>
    (stream: PeerStream) => {
      const other = role === 'dialler' ? 'listener' : 'dialler'
      assert.equal(stream.peer, `peer-${other}`)
      const us: AdmissionParty = {
        peer: `peer-${role}` as AdmissionParty['peer'],
        facts: factsOf(role),
        secrets: secret === undefined ? [] : [secret],
        isAllowed: () => true,
        addresses: [`/memory/${role}`],
        nonce: nonceOf(role === 'dialler' ? 1 : 2),
      }
      const admit = (newcomer: AdmittedPeer) => {
        met.push(newcomer)
        return introduce
      }
      return (role === 'dialler' ? helloAsDialler : helloAsListener)(stream, us, admit, options)
    }

  const say = (stream: PeerStream, message: unknown) => stream.send(encode(message))

  const hear = async (stream: PeerStream) => {
    const frame = await stream.receive()
    return frame === undefined ? undefined : (decode(frame) as Readonly<Record<string, unknown>>)
  }

  const assertRefused = (result: PromiseSettledResult<unknown>, outcome: string, message: RegExp) => {
    assert.equal(result.status, 'rejected')
    assert.ok(result.reason instanceof AdmissionRefusal)
    assert.equal(result.reason.outcome, outcome)
    assert.match(result.reason.message, message)
  }

  for (const secret of ['a secret', undefined]) {
    it(`tells each side of the other and of its members, ${secret ? 'with the same' : 'without a'} secret`, async () => {
      const [metByDialler, metByListener]: [AdmittedPeer[], AdmittedPeer[]] = [[], []]
      const known = (peer: string): Introduction[] => [{ peer, addresses: ['/memory/it'] }]
      const [dialled, listened] = await run(
        sideOf('dialler', secret, metByDialler, known('alice')),
        sideOf('listener', secret, metByListener, known('bob')),
      )
      assert.deepEqual(dialled, { status: 'fulfilled', value: known('bob') })
      assert.deepEqual(listened, { status: 'fulfilled', value: known('alice') })
      const [listener] = metByDialler
      assert.deepEqual([listener?.facts, listener?.addresses], [factsOf('listener'), ['/memory/listener']])
      const [dialler] = metByListener
      assert.deepEqual([dialler?.facts, dialler?.addresses], [factsOf('dialler'), ['/memory/dialler']])
    })
  }

  const mismatches = [
    { ours: 'a secret', theirs: 'another', message: /the cluster secrets differ/ },
    { ours: 'a secret', theirs: undefined, message: /this node has none/ },
    { ours: undefined, theirs: 'a secret', message: /the peer has no cluster secret/ },
  ]
  for (const { ours, theirs, message } of mismatches) {
    it(`is refused on both sides when the dialler's secret is ${ours} and the listener's ${theirs}`, async () => {
      const [metByDialler, metByListener]: [AdmittedPeer[], AdmittedPeer[]] = [[], []]
      const [dialled, listened] = await run(
        sideOf('dialler', ours, metByDialler),
        sideOf('listener', theirs, metByListener),
      )
      assertRefused(dialled, 'secret', /the peer refused: its cluster secret is not the same/)
      assertRefused(listened, 'secret', message)
      assert.deepEqual([metByDialler, metByListener], [[], []])
    })
  }

  it('refuses a listener that cannot prove the secret, and tells it nothing', async () => {
    const heard: unknown[] = []
    const [dialled] = await run(sideOf('dialler', 'a secret'), async (stream) => {
      await hear(stream)
      await say(stream, { version: 1, nonce: nonceOf(9) })
      await hear(stream)
      await say(stream, { proof: nonceOf(0), facts: factsOf('liar'), addresses: [] })
      heard.push(await hear(stream))
    })
    assertRefused(dialled, 'secret', /the cluster secrets differ/)
    assert.deepEqual(heard, [{ refused: 'secret' }])
  })

  it('refuses a proof that is sent back to the one that made it', async () => {
    const [dialled] = await run(sideOf('dialler', 'a secret'), async (stream) => {
      await hear(stream)
      await say(stream, { version: 1, nonce: nonceOf(9) })
      await say(stream, { ...(await hear(stream)), facts: factsOf('liar'), addresses: [] })
      await hear(stream)
    })
    assertRefused(dialled, 'secret', /the cluster secrets differ/)
  })

  it('refuses a proof made for another peer, with the nonces of this hello', async () => {
    const [, listened] = await run(
      async (stream) => {
        await say(stream, { versions: [1], nonce: nonceOf(1) })
        const listenerNonce = (await hear(stream))?.['nonce'] as Uint8Array
        const proof = proofOf('a secret', 'dialler', {
          diallerNonce: nonceOf(1),
          listenerNonce,
          diallerPeer: 'peer-victim' as AdmissionParty['peer'],
          listenerPeer: 'peer-listener' as AdmissionParty['peer'],
        })
        await say(stream, { proof })
        await hear(stream)
      },
      sideOf('listener', 'a secret'),
    )
    assertRefused(listened, 'secret', /the cluster secrets differ/)
  })

  it('tells a stranger nothing but a nonce', async () => {
    const heard: unknown[] = []
    await run(
      async (stream) => {
        await say(stream, { versions: [1], nonce: nonceOf(1) })
        heard.push(await hear(stream))
        await say(stream, { proof: nonceOf(0) })
        heard.push(await hear(stream), await hear(stream))
      },
      sideOf('listener', 'a secret'),
    )
    assert.deepEqual(heard, [{ version: 1, nonce: nonceOf(2) }, { refused: 'secret' }, undefined])
  })

  it('picks a version that both speak, and is refused on both sides when there is none', async () => {
    const heard: unknown[] = []
    const opening = (versions: number[]) => async (stream: PeerStream) => {
      await say(stream, { versions, nonce: nonceOf(1) })
      heard.push(await hear(stream))
    }
    await run(opening([3, 2, 1]), sideOf('listener', 'a secret'))
    const [, listened] = await run(opening([3, 2]), sideOf('listener', 'a secret'))
    assert.deepEqual(heard, [{ version: 1, nonce: nonceOf(2) }, { refused: 'version' }])
    assertRefused(listened, 'version', /speaks versions 3, 2 of the hello, this node 1/)
  })

  it('is refused when the listener picks a version that was not offered', async () => {
    const [dialled] = await run(sideOf('dialler', 'a secret'), async (stream) => {
      await hear(stream)
      await say(stream, { version: 2, nonce: nonceOf(9) })
      assert.deepEqual(await hear(stream), { refused: 'version' })
    })
    assertRefused(dialled, 'version', /speaks versions 2/)
  })

  it('understands why a listener refuses', async () => {
    for (const [reason, outcome] of [
      ['version', 'version'],
      ['a full moon', 'protocol'],
    ] as const) {
      const [dialled] = await run(sideOf('dialler', 'a secret'), async (stream) => {
        await hear(stream)
        await say(stream, { refused: reason })
      })
      assertRefused(dialled, outcome, /the peer refused/)
    }
  })

  it('is refused when a message makes no sense, is too long for a stranger, or does not come', async () => {
    const attempts = [
      [Buffer.from('GET / HTTP/1.1'), 'protocol', /makes no sense/],
      [encode({ versions: [1], nonce: nonceOf(1), padding: new Uint8Array(4096) }), 'protocol', /too long/],
      [undefined, 'lost', /ended the hello/],
    ] as const
    for (const [frame, outcome, message] of attempts) {
      const [, listened] = await run(
        async (stream) => {
          if (frame !== undefined) await stream.send(frame)
        },
        sideOf('listener', 'a secret'),
      )
      assertRefused(listened, outcome, message)
    }
  })

  it('ends with the reason of its signal', async () => {
    const reason = new Error('too slow')
    const [, listened] = await run(
      () => Promise.resolve(),
      (stream) =>
        helloAsListener(
          stream,
          {
            ...{ peer: stream.peer, facts: factsOf('x'), secrets: [], isAllowed: () => true },
            ...{ addresses: [], nonce: nonceOf(2) },
          },
          () => [],
          { signal: AbortSignal.abort(reason) },
        ),
    )
    assert.deepEqual(listened, { status: 'rejected', reason })
  })

  describe('while the secret is replaced', () => {
    const proofs =
      (secrets: readonly string[]) => (role: 'dialler' | 'listener') => async (stream: PeerStream) => {
        let proven: string | undefined
        const us: AdmissionParty = {
          peer: `peer-${role}` as AdmissionParty['peer'],
          facts: factsOf(role),
          secrets,
          isAllowed: () => true,
          addresses: [],
          nonce: nonceOf(role === 'dialler' ? 1 : 2),
        }
        const admit = (_newcomer: AdmittedPeer, secret: string | undefined) => {
          proven = secret
          return []
        }
        await (role === 'dialler' ? helloAsDialler : helloAsListener)(stream, us, admit, options)
        return proven
      }
    const cases: readonly [readonly string[], readonly string[], string][] = [
      [['old'], ['new', 'old'], 'old'],
      [['new', 'old'], ['old'], 'old'],
      [['new', 'old'], ['new', 'old'], 'new'],
      [['new', 'old'], ['old', 'new'], 'old'],
      [['new'], ['new', 'old'], 'new'],
      [['new', 'old'], ['new'], 'new'],
    ]
    for (const [dialler, listener, secret] of cases) {
      it(`takes "${secret}" for a dialler with ${dialler.join(' and ')} and a listener with ${listener.join(' and ')}`, async () => {
        const [dialled, listened] = await run(proofs(dialler)('dialler'), proofs(listener)('listener'))
        assert.deepEqual(dialled, { status: 'fulfilled', value: secret })
        assert.deepEqual(listened, { status: 'fulfilled', value: secret })
      })
    }
  })
})
