import assert from 'node:assert/strict'

import { SingleFlight } from '../src/index.ts'

describe('SingleFlight', () => {
  it('runs the work once for all callers of a key that come while it runs', async () => {
    const flights = new SingleFlight<string, number>()
    const work = Promise.withResolvers<number>()
    let runs = 0
    const start = () => {
      runs += 1
      return work.promise
    }
    const callers = [flights.run('a', start), flights.run('a', start), flights.run('a', start)]
    assert.equal(flights.size, 1)
    work.resolve(7)
    assert.deepEqual(await Promise.all(callers), [7, 7, 7])
    assert.equal(runs, 1)
    assert.equal(flights.size, 0)
  })

  it('runs the work anew once it has ended, in success or failure', async () => {
    const flights = new SingleFlight<string, number>()
    await assert.rejects(
      flights.run('a', () => Promise.reject(new Error('first'))),
      /first/,
    )
    assert.equal(await flights.run('a', () => Promise.resolve(2)), 2)
  })

  it('keeps keys apart', async () => {
    const flights = new SingleFlight<string, string>()
    const both = await Promise.all(['a', 'b'].map((key) => flights.run(key, () => Promise.resolve(key))))
    assert.deepEqual(both, ['a', 'b'])
  })

  it('ends the waiting of a caller that gives up, and of no other', async () => {
    const flights = new SingleFlight<string, number>()
    const work = Promise.withResolvers<number>()
    const controller = new AbortController()
    const impatient = flights.run('a', () => work.promise, { signal: controller.signal })
    const patient = flights.run('a', () => work.promise)
    controller.abort(new Error('gave up'))
    await assert.rejects(impatient, /gave up/)
    work.resolve(1)
    assert.equal(await patient, 1)
  })
})
