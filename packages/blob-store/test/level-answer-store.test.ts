import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { UpstreamAnswer } from '@layermesh/interface'
import { createTempDir, ManualClock, type TempDir } from '@layermesh/testkit'
import { Level } from 'level'
import { LevelAnswerStore, MAX_ANSWERS } from '../src/level-answer-store.ts'
import { createRecordingLog, type RecordingLog } from './support/recording-log.ts'

describe('LevelAnswerStore', () => {
  let dir: TempDir
  let db: Level
  let clock: ManualClock
  let log: RecordingLog
  let answers: LevelAnswerStore

  const open = async () => {
    db = new Level(join(dir.path, 'index'))
    answers = await LevelAnswerStore.load({ log, db, clock })
  }
  const reopen = async () => {
    await db.close()
    await open()
  }
  beforeEach(async () => {
    dir = await createTempDir()
    clock = new ManualClock()
    log = createRecordingLog()
    await open()
  })
  afterEach(async () => {
    await db.close()
    await dir[Symbol.asyncDispose]()
  })

  const answerOf = (subject: string, lifetimeMs = 10_000): UpstreamAnswer => ({
    upstream: 'reg.example',
    subject,
    answer: 'missing',
    saidAtMs: clock.now(),
    endsAtMs: clock.now() + lifetimeMs,
  })
  const keys = () => db.sublevel('answers').keys().all()
  const subjects = async () => (await answers.list()).map(({ subject }) => subject)

  it('has what was said after a restart, in the order in which it was said', async () => {
    const first = answerOf('z')
    await answers.put(first)
    clock.advance(1)
    const second = {
      ...answerOf('a', 900_000),
      answer: 'rate-limited',
      upstream: 'other.example:5000',
    } as const
    await answers.put(second)
    assert.deepEqual(await answers.list(), [first, second])
    await reopen()
    assert.deepEqual(await answers.list(), [first, second])
  })

  it('has of a subject what was said last', async () => {
    await answers.put(answerOf('a'))
    clock.advance(1)
    const last = { ...answerOf('a', 30_000), answer: 'denied' } as const
    await answers.put(last)
    clock.advance(1)
    const elsewhere = { ...answerOf('a'), upstream: 'other.example' }
    await answers.put(elsewhere)
    await reopen()
    assert.deepEqual(await answers.list(), [last, elsewhere])
  })

  it('keeps the order of what it is told at once', async () => {
    await Promise.all([1, 2, 3, 4, 5].map((lifetimeMs) => answers.put(answerOf('a', lifetimeMs))))
    assert.deepEqual(await answers.list(), [answerOf('a', 5)])
  })

  it('tells nothing of what holds no longer, and forgets it at the start', async () => {
    await answers.put(answerOf('short', 1000))
    await answers.put(answerOf('long', 1001))
    clock.advance(1000)
    assert.deepEqual(await subjects(), ['long'])
    assert.equal((await keys()).length, 2)
    await reopen()
    assert.deepEqual(await subjects(), ['long'])
    assert.deepEqual(await keys(), ['["reg.example","long"]'])
  })

  it('forgets what was said in the future: the clock has been set back', async () => {
    await answers.put(answerOf('a', 900_000))
    clock = new ManualClock(clock.now() - 1)
    await reopen()
    assert.deepEqual(await answers.list(), [])
    assert.deepEqual(await keys(), [])
  })

  it('has at most so many: those go that end first', async () => {
    await answers.put({ ...answerOf('pause', 900_000), answer: 'rate-limited' })
    clock.advance(1)
    await Promise.all(
      Array.from({ length: MAX_ANSWERS }, (_, n) => answers.put(answerOf(`tag-${n}`, 10_000 + n))),
    )
    const kept = await subjects()
    assert.ok(kept.length <= MAX_ANSWERS)
    assert.ok(kept.includes('pause') && kept.includes(`tag-${MAX_ANSWERS - 1}`) && !kept.includes('tag-0'))
    assert.equal((await keys()).length, kept.length)
  })

  it('forgets what can not be read, and warns of it', async () => {
    const { saidAtMs, endsAtMs } = answerOf('a')
    const good = { answer: 'missing', saidAtMs, endsAtMs }
    const broken = [
      ['["reg.example","a"]', '{'],
      ['["reg.example","b"]', JSON.stringify({ ...good, answer: 'perhaps' })],
      ['["reg.example","c"]', JSON.stringify({ ...good, endsAtMs: '1' })],
      ['["reg.example","d"]', JSON.stringify({ ...good, saidAtMs: -1 })],
      ['["reg.example"]', JSON.stringify(good)],
      ['no list', JSON.stringify(good)],
    ] as const
    for (const [key, value] of broken) await db.sublevel('answers').put(key, value)
    await answers.put(answerOf('good'))
    await reopen()
    assert.deepEqual(await subjects(), ['good'])
    assert.deepEqual(
      log.lines,
      broken.map(() => 'warn stored record unreadable'),
    )
    assert.deepEqual(await keys(), ['["reg.example","good"]'])
  })
})
