import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { PeerStream } from '@layermesh/interface'
import { ManualClock, createMemoryMesh } from '@layermesh/testkit'
import { encodeBeat, type BeatMessage } from '../src/beat-message.ts'
import { Heartbeat, HEARTBEAT_PROTOCOL, type HeartbeatDeps } from '../src/heartbeat.ts'

describe('Heartbeat', () => {
  const locality = { region: 'eu', site: 'paris' }
  const init = { intervalMs: 5000, silentAfterMs: 15_000 }
  let clock: ManualClock

  beforeEach(() => (clock = new ManualClock()))

  const peers = () => {
    const mesh = createMemoryMesh()
    const near = mesh.join({ name: 'near', version: '1', locality })
    const far = mesh.join({ name: 'far', version: '1', locality })
    return { far, open: () => near.openStream(far.self.peer, HEARTBEAT_PROTOCOL) }
  }

  const beatOf = (sequence: number): BeatMessage => ({
    epoch: 1,
    sequence,
    vitals: { load: 0.25, capabilities: ['/layermesh/blob/1.0.0'] },
    fingerprint: undefined,
    roundTripMs: undefined,
    leaving: false,
  })

  const start = (deps: Partial<HeartbeatDeps>) => {
    let silences = 0
    let sequence = 0
    const beats: BeatMessage[] = []
    const never = Promise.withResolvers<never>().promise
    const heartbeat = new Heartbeat(
      {
        clock,
        open: () => never,
        nextBeat: () => beatOf((sequence += 1)),
        onBeat: (beat) => beats.push(beat),
        onRoundTrip: () => {},
        onSilent: () => (silences += 1),
        ...deps,
      },
      init,
    )
    return { heartbeat, beats, silences: () => silences }
  }

  /** The other side, which answers each beat after `takesMs`. */
  const answering =
    (takesMs = 0) =>
    async (stream: PeerStream) => {
      for (let sequence = 1; (await stream.receive()) !== undefined; sequence += 1) {
        clock.advance(takesMs)
        await stream.send(encodeBeat(beatOf(sequence)))
      }
    }

  it('measures the round trip at once, and again at each beat', async () => {
    const { far, open } = peers()
    await far.handle(HEARTBEAT_PROTOCOL, answering(8))
    const measured = [Promise.withResolvers<number>(), Promise.withResolvers<number>()] as const
    let count = 0
    const { heartbeat } = start({
      open,
      onRoundTrip: (roundTripMs) => measured[count++]?.resolve(roundTripMs),
    })
    assert.equal(await measured[0].promise, 8)
    clock.advance(init.intervalMs - 8)
    assert.equal(await measured[1].promise, 8)
    heartbeat.stop()
  })

  it('carries beats both ways, and tells the other side what was measured', async () => {
    const { far, open } = peers()
    const answered = Promise.withResolvers<BeatMessage>()
    const other = start({
      open: undefined,
      onBeat: (beat) => {
        if (beat.roundTripMs !== undefined) answered.resolve(beat)
      },
    })
    await far.handle(HEARTBEAT_PROTOCOL, (stream) => other.heartbeat.accept(stream))
    const measured = Promise.withResolvers<number>()
    const { heartbeat, beats } = start({ open, onRoundTrip: measured.resolve })
    await measured.promise
    clock.advance(init.intervalMs)
    assert.deepEqual(await answered.promise, { ...beatOf(2), roundTripMs: 0 })
    assert.deepEqual(beats[0], beatOf(1))
    heartbeat.stop()
    other.heartbeat.stop()
  })

  for (const leaver of ['opener', 'acceptor'] as const) {
    it(`lets the ${leaver} say that it leaves`, async () => {
      const { far, open } = peers()
      const told = Promise.withResolvers<BeatMessage>()
      const onBeat = (beat: BeatMessage) => {
        if (beat.leaving) told.resolve(beat)
      }
      const acceptor = start({ open: undefined, onBeat })
      await far.handle(HEARTBEAT_PROTOCOL, (stream) => acceptor.heartbeat.accept(stream))
      const measured = Promise.withResolvers<number>()
      const opener = start({ open, onBeat, onRoundTrip: measured.resolve })
      await measured.promise
      assert.equal({ opener, acceptor }[leaver].heartbeat.sayGoodbye(), true)
      assert.equal((await told.promise).leaving, true)
      for (const { heartbeat } of [opener, acceptor]) heartbeat.stop()
    })
  }

  it('sends a beat out of turn from either side', async () => {
    const { far, open } = peers()
    const acceptor = start({ open: undefined })
    await far.handle(HEARTBEAT_PROTOCOL, (stream) => acceptor.heartbeat.accept(stream))
    const measured = Promise.withResolvers<number>()
    const third = Promise.withResolvers<BeatMessage>()
    const opener = start({
      open,
      onBeat: (beat) => {
        if (beat.sequence === 3) third.resolve(beat)
      },
      onRoundTrip: measured.resolve,
    })
    await measured.promise
    await acceptor.heartbeat.beatNow()
    await opener.heartbeat.beatNow()
    await third.promise
    for (const { heartbeat } of [opener, acceptor]) heartbeat.stop()
  })

  it('ends the stream of a peer whose beats make no sense', async () => {
    const acceptor = start({ open: undefined })
    const { far, open } = peers()
    const ended = Promise.withResolvers<unknown>()
    await far.handle(HEARTBEAT_PROTOCOL, async (stream) => {
      await acceptor.heartbeat.accept(stream).catch((error: unknown) => {
        ended.resolve(error)
        throw error
      })
    })
    const stream = await open()
    await stream.send(Uint8Array.of(1, 2, 3))
    assert.equal(((await ended.promise) as { code?: string }).code, 'ERR_PEER_PROTOCOL')
    acceptor.heartbeat.stop()
  })

  it('tells once when nothing was heard for the whole time', () => {
    const { silences } = start({})
    clock.advance(init.intervalMs + init.silentAfterMs - 1)
    assert.equal(silences(), 0)
    clock.advance(1)
    assert.equal(silences(), 1)
    clock.advance(1_000_000)
    assert.equal(silences(), 1)
  })

  it('counts from the last sign of life', () => {
    const { heartbeat, silences } = start({})
    clock.advance(14_000)
    heartbeat.heard()
    clock.advance(15_000)
    assert.equal(silences(), 0)
    clock.advance(6_000)
    assert.equal(silences(), 1)
  })

  it('opens another stream after one has failed', async () => {
    const { far, open } = peers()
    await far.handle(HEARTBEAT_PROTOCOL, answering())
    let attempts = 0
    const measured = Promise.withResolvers<number>()
    const { heartbeat } = start({
      open: async () => {
        attempts += 1
        if (attempts === 1) throw new Error('not yet')
        const stream = await open()
        if (attempts === 2) stream.abort(new Error('broken'))
        return stream
      },
      onRoundTrip: measured.resolve,
    })
    while (attempts < 3) {
      await setImmediate()
      clock.advance(init.intervalMs)
      heartbeat.heard()
    }
    await measured.promise
    heartbeat.stop()
  })

  it('says nothing and leaves no timer once it is stopped', async () => {
    const { far, open } = peers()
    await far.handle(HEARTBEAT_PROTOCOL, answering())
    const { heartbeat, silences } = start({
      open,
      onRoundTrip: () => assert.fail('a round trip after the stop'),
    })
    heartbeat.stop()
    heartbeat.stop()
    assert.equal(clock.pendingTimers, 0)
    clock.advance(1_000_000)
    await setImmediate()
    assert.equal(silences(), 0)
  })
})
