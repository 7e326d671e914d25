import assert from 'node:assert/strict'
import { ManualClock } from '@layermesh/testkit'
import type { DemoProgress } from '../../src/demo/demo-progress.ts'
import { DemoSteps, STALL_TIMEOUT_MS } from '../../src/demo/demo-steps.ts'

function createSteps() {
  const clock = new ManualClock()
  const told: string[] = []
  const progress: DemoProgress = {
    begin: (step) => told.push(`begin ${step}`),
    advance: (done) => told.push(`advance ${done}`),
    end: (seconds) => told.push(`end ${seconds}`),
    fail: () => told.push('fail'),
  }
  const stop = new AbortController()
  return { clock, told, stop, steps: new DemoSteps({ clock, progress, signal: stop.signal }) }
}

const forever = () => new Promise<never>(() => {})

describe('DemoSteps', () => {
  describe('run', () => {
    it('returns what came of the step and how long it took, and tells how far it is', async () => {
      const { clock, steps, told } = createSteps()
      const result = await steps.run('counting', async (advance) => {
        clock.advance(1500)
        advance(0.5)
        return 42
      })
      assert.deepEqual(result, { value: 42, seconds: 1.5 })
      assert.deepEqual(told, ['begin counting', 'advance 0.5', 'end 1.5'])
    })

    it('rejects as the step does', async () => {
      const { steps, told } = createSteps()
      const reason = new Error('no')
      await assert.rejects(
        steps.run('counting', () => Promise.reject(reason)),
        (error) => error === reason,
      )
      assert.deepEqual(told, ['begin counting', 'fail'])
    })

    it('rejects with the reason of an abort, and passes the abort on', async () => {
      const { steps, stop } = createSteps()
      const reason = new Error('enough')
      const run = steps.run('counting', forever)
      stop.abort(reason)
      await assert.rejects(run, (error) => error === reason)
      assert.equal(steps.signal.reason, reason)
    })

    it('rejects when nothing happens any more, and names the step', async () => {
      const { clock, steps } = createSteps()
      const run = steps.run('counting', forever)
      clock.advance(STALL_TIMEOUT_MS)
      await assert.rejects(run, /^Error: for 120 s nothing has happened in: counting$/)
    })

    it('takes as long as it likes while something happens', async () => {
      const { clock, steps } = createSteps()
      const { seconds } = await steps.run('counting', async (advance) => {
        for (let round = 1; round <= 3; round += 1) {
          clock.advance(STALL_TIMEOUT_MS - 1)
          advance(round / 3)
        }
      })
      assert.equal(seconds, (3 * (STALL_TIMEOUT_MS - 1)) / 1000)
      assert.equal(steps.signal.aborted, false)
    })
  })

  it('watches no longer once it is disposed of', () => {
    const { clock, steps } = createSteps()
    steps[Symbol.dispose]()
    clock.advance(STALL_TIMEOUT_MS)
    assert.equal(steps.signal.aborted, false)
  })
})
