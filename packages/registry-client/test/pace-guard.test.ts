import assert from 'node:assert/strict'
import { ManualClock } from '@layermesh/testkit'
import { pipe } from 'it-pipe'
import { MIN_BYTES_PER_SECOND, paceGuard, PACE_WINDOW_MS } from '../src/pace-guard.ts'

/** Reads chunks of these sizes, each of which lets its reader wait for a fifth of the window. */
async function read(sizes: readonly number[], readerMs = 0): Promise<number> {
  const clock = new ManualClock()
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const sizeBytes of sizes) {
      clock.advance(PACE_WINDOW_MS / 5)
      yield await Promise.resolve(new Uint8Array(sizeBytes))
    }
  }
  let chunks = 0
  for await (const chunk of pipe(source(), paceGuard({ clock, makeError: () => new Error('drips') }))) {
    assert.equal(chunk.length, sizes[chunks])
    chunks += 1
    clock.advance(readerMs)
  }
  return chunks
}

const ENOUGH_BYTES = (MIN_BYTES_PER_SECOND * PACE_WINDOW_MS) / 5 / 1000

describe('paceGuard', () => {
  it('passes on what comes fast enough', async () => {
    assert.equal(await read(Array.from({ length: 20 }, () => ENOUGH_BYTES)), 20)
  })

  it('passes on a little when it is over soon', async () => {
    assert.equal(await read([1, 1, 1, 1]), 4)
  })

  it('throws when too little has come for a window', async () => {
    await assert.rejects(read([1, 1, 1, 1, 1]), /^Error: drips$/)
  })

  it('makes up for a slow start within a window, but not beyond', async () => {
    assert.equal(await read([0, 0, 0, 0, 5 * ENOUGH_BYTES, 1, 1, 1, 1]), 9)
    await assert.rejects(read([9 * ENOUGH_BYTES, 1, 1, 1, 1, 1, 1, 1, 1, 1]), /^Error: drips$/)
  })

  it('does not count the time of the reader', async () => {
    const sizes = Array.from({ length: 20 }, () => ENOUGH_BYTES)
    assert.equal(await read(sizes, 10 * PACE_WINDOW_MS), 20)
  })
})
