import assert from 'node:assert/strict'
import type { UpstreamAnswer } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'
import { KeptAnswers, MAX_WAITING_ANSWERS } from '../src/kept-answers.ts'
import { MemoryAnswerStore } from './support/memory-answer-store.ts'
import { createRecordingLog } from './support/recording-log.ts'

const UPSTREAM = 'reg.example'

describe('KeptAnswers', () => {
  const keptBy = (store?: MemoryAnswerStore, earlier?: readonly UpstreamAnswer[]) => {
    const [clock, log] = [new ManualClock(), createRecordingLog()]
    clock.advance(500)
    return { clock, log, answers: new KeptAnswers({ clock, log, store }, earlier) }
  }
  const nowMs = keptBy().clock.now()
  const answer = { upstream: UPSTREAM, subject: 'a', answer: 'missing' } as const

  describe('takeEarlier', () => {
    it('yields what the upstream has said, until when it holds by the monotonic clock, and once', () => {
      const others = { ...answer, upstream: 'other.example', saidAtMs: nowMs - 1, endsAtMs: nowMs + 1 }
      const earlier = [{ ...answer, saidAtMs: nowMs - 3000, endsAtMs: nowMs + 7000 }, others]
      const { answers } = keptBy(undefined, earlier)
      const [found, ...more] = answers.takeEarlier(UPSTREAM)
      assert.deepEqual(
        [found?.subject, found?.answer, found?.untilMs, more.length],
        ['a', 'missing', 500 + 7000, 0],
      )
      assert.deepEqual(answers.takeEarlier(UPSTREAM), [])
      assert.equal(answers.takeEarlier('other.example').length, 1)
    })

    it('lets nothing hold longer than it was to hold at first, when the clock has been set back', () => {
      const { answers } = keptBy(undefined, [
        { ...answer, saidAtMs: nowMs + 1_000_000, endsAtMs: nowMs + 1_010_000 },
      ])
      assert.equal(answers.takeEarlier(UPSTREAM)[0]?.untilMs, 500 + 10_000)
    })
  })

  describe('keep', () => {
    it('writes when an answer ends in Unix time, counted from the call on', async () => {
      const store = new MemoryAnswerStore()
      const { answers, clock } = keptBy(store)
      const subject = Promise.withResolvers<string>()
      answers.keep({ ...answer, subject: () => subject.promise, lifetimeMs: 10_000 })
      clock.advance(50)
      subject.resolve('late')
      await answers.whenWritten()
      assert.deepEqual(store.answers, [
        { ...answer, subject: 'late', saidAtMs: nowMs, endsAtMs: nowMs + 10_000 },
      ])
    })

    it('does nothing without a store', async () => {
      const { answers } = keptBy()
      answers.keep({ ...answer, subject: () => 'a', lifetimeMs: 10_000 })
      await answers.whenWritten()
    })

    it('says at the level debug that something could not be written', async () => {
      const store = new MemoryAnswerStore()
      store.put = () => Promise.reject(new Error('disk full'))
      const { answers, log } = keptBy(store)
      answers.keep({ ...answer, subject: () => 'a', lifetimeMs: 10_000 })
      await answers.whenWritten()
      assert.deepEqual(log.messages('debug'), ['upstream answer not kept'])
    })

    it('lets only so many wait for a disk that stands still', async () => {
      const store = new MemoryAnswerStore()
      const disk = Promise.withResolvers<undefined>()
      let puts = 0
      store.put = async () => {
        puts += 1
        await disk.promise
      }
      const { answers } = keptBy(store)
      const keep = () => answers.keep({ ...answer, subject: () => 'a', lifetimeMs: 10_000 })
      for (let count = 0; count < MAX_WAITING_ANSWERS + 10; count += 1) keep()
      disk.resolve(undefined)
      await answers.whenWritten()
      assert.equal(puts, MAX_WAITING_ANSWERS)
      keep()
      await answers.whenWritten()
      assert.equal(puts, MAX_WAITING_ANSWERS + 1)
    })
  })
})
