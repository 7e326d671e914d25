import assert from 'node:assert/strict'
import { ManualClock } from '@layermesh/testkit'
import { DnsDiscovery, RESOLVE_INTERVAL_MS } from '../src/dns-discovery.ts'
import { requireDnsNames } from '../src/dns-names.ts'
import { KeptLog } from './support/kept-log.ts'

describe('DnsDiscovery', () => {
  const create = (texts: readonly string[]) => {
    const clock = new ManualClock()
    const log = new KeptLog()
    const answers = new Map<string, readonly string[]>()
    const found: (readonly string[])[] = []
    let told = Promise.withResolvers<undefined>()
    const discovery = new DnsDiscovery({
      clock,
      log,
      names: requireDnsNames('mesh.dns', texts),
      resolve: ({ name }) => {
        const answer = answers.get(name)
        return answer === undefined ? Promise.reject(new Error('no such name')) : Promise.resolve(answer)
      },
      found: (addresses) => {
        found.push(addresses)
        told.resolve(undefined)
      },
    })
    const next = async (act: () => void) => {
      told = Promise.withResolvers()
      act()
      await told.promise
    }
    return { clock, log, answers, found, discovery, next }
  }

  it('looks names up at once and again, and says what all of them have now', async () => {
    const { clock, answers, found, discovery, next } = create(['a.test', 'b.test'])
    answers.set('a.test', ['one', 'two']).set('b.test', ['two', 'three'])
    await next(() => void discovery.start())
    answers.set('a.test', ['four'])
    await next(() => clock.advance(RESOLVE_INTERVAL_MS))
    assert.deepEqual(found, [
      ['one', 'two', 'three'],
      ['four', 'two', 'three'],
    ])
    await discovery.stop()
    assert.equal(clock.pendingTimers, 0)
  })

  it('keeps what a name had while it can not be looked up, and warns once', async () => {
    const { clock, log, answers, found, discovery, next } = create(['a.test'])
    answers.set('a.test', ['one'])
    await next(() => void discovery.start())
    answers.delete('a.test')
    await next(() => clock.advance(RESOLVE_INTERVAL_MS))
    await next(() => clock.advance(RESOLVE_INTERVAL_MS))
    assert.deepEqual(found, [['one'], ['one'], ['one']])
    assert.deepEqual(
      log.lines.map(({ level, message }) => [level, message]),
      [
        ['warn', 'name not resolved'],
        ['debug', 'name not resolved'],
      ],
    )
    await discovery.stop()
  })

  it('does nothing without names', async () => {
    const { clock, discovery } = create([])
    await discovery.start()
    assert.equal(clock.pendingTimers, 0)
  })
})
