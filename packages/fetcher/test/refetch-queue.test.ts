import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'

import { type ContentRef, type Log, silentLog } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'

import { MAX_REFETCHES, MAX_WAITING_REFETCHES, RefetchQueue } from '../src/refetch-queue.ts'
import { refTo } from './support/test-cluster.ts'

const refOf = (index: number) => refTo(digestOf(Buffer.from(String(index))))

describe('RefetchQueue', () => {
  const create = () => {
    const running: { readonly ref: ContentRef; readonly ended: PromiseWithResolvers<undefined> }[] = []
    const warnings: string[] = []
    const log: Log = { ...silentLog, warn: (_fields, msg) => warnings.push(msg) }
    const queue = new RefetchQueue(async (ref) => {
      const ended = Promise.withResolvers<undefined>()
      running.push({ ref, ended })
      await ended.promise
    }, log)
    return { queue, running, warnings }
  }

  it('runs a few at a time, and goes on after a failure, which it logs', async () => {
    const { queue, running, warnings } = create()
    for (let index = 0; index < 5; index += 1) queue.add(refOf(index))
    assert.equal(running.length, MAX_REFETCHES)
    running[0]?.ended.reject(new Error('nowhere'))
    await setImmediate()
    assert.equal(running.length, MAX_REFETCHES + 1)
    assert.deepEqual(running[2]?.ref, refOf(2))
    assert.deepEqual(warnings, ['blob not fetched again'])
  })

  it('has each blob wait once, and no more than so many', () => {
    const { queue, running, warnings } = create()
    for (let index = 0; index < MAX_REFETCHES; index += 1) queue.add(refOf(-index))
    for (let index = 1; index <= MAX_WAITING_REFETCHES; index += 1) queue.add(refOf(index))
    queue.add(refOf(1))
    assert.equal(warnings.length, 0)
    queue.add(refOf(MAX_WAITING_REFETCHES + 1))
    assert.equal(warnings.length, 1)
    assert.equal(running.length, MAX_REFETCHES)
  })

  it('starts nothing after its end, and does not log what ends with it', async () => {
    const { queue, running, warnings } = create()
    for (let index = 0; index < 5; index += 1) queue.add(refOf(index))
    queue.stop()
    for (const { ended } of running) ended.reject(new Error('stopped'))
    await setImmediate()
    queue.add(refOf(9))
    assert.equal(running.length, MAX_REFETCHES)
    assert.deepEqual(warnings, [])
  })
})
