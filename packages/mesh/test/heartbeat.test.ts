import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { ManualClock, createMemoryMesh } from '@layermesh/testkit'
import { echo, Heartbeat, PING_PROTOCOL, type HeartbeatDeps } from '../src/heartbeat.ts'

describe('Heartbeat', () => {
  const locality = { region: 'eu', site: 'paris' }
  const init = { intervalMs: 5000, silentAfterMs: 15_000 }
  let clock: ManualClock

  beforeEach(() => (clock = new ManualClock()))

  const peers = () => {
    const mesh = createMemoryMesh()
    const near = mesh.join({ name: 'near', version: '1', locality })
    const far = mesh.join({ name: 'far', version: '1', locality })
    return { far, open: () => near.openStream(far.self.peer, PING_PROTOCOL) }
  }

  const start = (deps: Partial<HeartbeatDeps>) => {
    let silences = 0
    const never = Promise.withResolvers<never>().promise
    const heartbeat = new Heartbeat(
      { clock, open: () => never, onRoundTrip: () => {}, onSilent: () => (silences += 1), ...deps },
      init,
    )
    return { heartbeat, silences: () => silences }
  }

  it('measures the round trip at once, and again at each beat', async () => {
    const { far, open } = peers()
    await far.handle(PING_PROTOCOL, async (stream) => {
      for (;;) {
        const frame = await stream.receive()
        if (frame === undefined) return
        clock.advance(8)
        await stream.send(frame)
      }
    })
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
    await far.handle(PING_PROTOCOL, echo)
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
    await far.handle(PING_PROTOCOL, echo)
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
