import assert from 'node:assert/strict'
import { KeyedQueue } from '../src/keyed-queue.ts'

describe('KeyedQueue', () => {
  it('runs work of one key in order, and of another key meanwhile', async () => {
    const queue = new KeyedQueue<string>()
    const events: string[] = []
    const gate = Promise.withResolvers<undefined>()
    const first = queue.run('a', async () => {
      events.push('a1 begins')
      await gate.promise
      events.push('a1 ends')
    })
    const second = queue.run('a', async () => void events.push('a2'))
    await queue.run('b', async () => void events.push('b'))
    assert.deepEqual(events, ['a1 begins', 'b'])
    gate.resolve(undefined)
    await Promise.all([first, second])
    assert.deepEqual(events, ['a1 begins', 'b', 'a1 ends', 'a2'])
  })

  it('hands an error to its caller only, and goes on', async () => {
    const queue = new KeyedQueue<string>()
    const failing = queue.run('a', () => Promise.reject(new Error('broken')))
    const following = queue.run('a', () => Promise.resolve(7))
    await assert.rejects(failing, /broken/)
    assert.equal(await following, 7)
  })

  it('forgets a key when its work is done', async () => {
    const queue = new KeyedQueue<string>()
    await queue.run('a', () => Promise.resolve())
    await queue.run('b', () => Promise.reject(new Error('broken'))).catch(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(queue.size, 0)
  })
})
