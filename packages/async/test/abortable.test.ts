import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'

import { abortable } from '../src/index.ts'

describe('abortable', () => {
  it('gives the value, and leaves no listener behind', async () => {
    const { signal } = new AbortController()
    assert.equal(await abortable(Promise.resolve(1), signal), 1)
    assert.deepEqual(getEventListeners(signal, 'abort'), [])
  })

  it('waits for ever without a signal', async () => {
    assert.equal(await abortable(Promise.resolve(1), undefined), 1)
  })

  it('rejects with the reason itself, whether aborted before or while it waits', async () => {
    const reason = new Error('enough')
    const pending = Promise.withResolvers<never>().promise
    await assert.rejects(abortable(pending, AbortSignal.abort(reason)), (error) => error === reason)
    const controller = new AbortController()
    const waiting = abortable(pending, controller.signal)
    controller.abort(reason)
    await assert.rejects(waiting, (error) => error === reason)
  })
})
