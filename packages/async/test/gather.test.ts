import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { gather } from '../src/gather.ts'

const bytes = (text: string) => Buffer.from(text)

/** A source that gives a chunk whenever it is told to, and notes what is asked of it. */
class ScriptedSource implements AsyncIterable<Uint8Array> {
  asked = 0
  returned = 0
  readonly #pending: PromiseWithResolvers<IteratorResult<Uint8Array>>[] = []

  async give(text: string): Promise<void> {
    this.#pending.shift()!.resolve({ done: false, value: bytes(text) })
    await setImmediate()
  }

  end(): void {
    this.#pending.shift()?.resolve({ done: true, value: undefined })
  }

  fail(error: Error): void {
    this.#pending.shift()!.reject(error)
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => {
        this.asked += 1
        const reply = Promise.withResolvers<IteratorResult<Uint8Array>>()
        this.#pending.push(reply)
        return reply.promise
      },
      return: () => {
        this.returned += 1
        this.end()
        return Promise.resolve({ done: true, value: undefined })
      },
    }
  }
}

describe('gather', () => {
  async function readAll(stage: AsyncIterable<Uint8Array>): Promise<string[]> {
    const chunks: string[] = []
    for await (const chunk of stage) chunks.push(Buffer.from(chunk).toString())
    return chunks
  }

  it('gives each chunk as it comes to a reader that waits', async () => {
    const source = new ScriptedSource()
    const reader = gather(100)(source)
    for (const text of ['a', 'b']) {
      const next = reader.next()
      await source.give(text)
      assert.deepEqual((await next).value, bytes(text))
    }
    const last = reader.next()
    source.end()
    assert.equal((await last).done, true)
  })

  it('joins what comes while the reader is busy', async () => {
    const source = new ScriptedSource()
    const reader = gather(100)(source)
    const first = reader.next()
    await source.give('a')
    await first
    for (const text of ['b', 'c', 'd']) await source.give(text)
    assert.deepEqual((await reader.next()).value, bytes('bcd'))
    source.end()
    assert.equal((await reader.next()).done, true)
  })

  it('asks for no more than it may hold, and goes on when that is taken', async () => {
    const source = new ScriptedSource()
    const reader = gather(3)(source)
    const first = reader.next()
    await source.give('a')
    await first
    await source.give('bc')
    await source.give('de')
    assert.equal(source.asked, 3)
    assert.deepEqual((await reader.next()).value, bytes('bcde'))
    assert.equal(source.asked, 4)
    source.end()
    assert.equal((await reader.next()).done, true)
  })

  it('gives what came before an error, then the error', async () => {
    const source = new ScriptedSource()
    const reader = gather(100)(source)
    const first = reader.next()
    await source.give('a')
    await first
    await source.give('b')
    const error = new Error('gone')
    source.fail(error)
    assert.deepEqual((await reader.next()).value, bytes('b'))
    await assert.rejects(reader.next(), error)
    assert.equal(source.returned, 1)
  })

  it('returns its source when the reader goes away, also while the source is waited for', async () => {
    const source = new ScriptedSource()
    const reader = gather(100)(source)
    const first = reader.next()
    await source.give('a')
    await first
    await reader.return(undefined)
    assert.equal(source.returned, 1)
    await setImmediate()
    assert.equal(source.asked, 2)
  })

  it('passes every byte of a source that never waits', async () => {
    const texts = Array.from({ length: 100 }, (_, index) => `${index},`)
    const source = (async function* () {
      for (const text of texts) yield Promise.resolve(bytes(text))
    })()
    const chunks = await readAll(gather(8)(source))
    assert.equal(chunks.join(''), texts.join(''))
  })
})
