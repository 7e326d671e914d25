import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'

import { BenchError } from '../../bench/harness/bench-error.ts'
import type { Contender } from '../../bench/harness/contenders/contender.ts'
import { direct } from '../../bench/harness/contenders/direct.ts'
import { Venues } from '../../bench/harness/lab/venues.ts'
import { runScenario } from '../../bench/harness/run-scenario.ts'
import { coldFanOut } from '../../bench/harness/scenarios/fan-out.ts'

/** Pulls go straight upstream, but it has a process, which dies when the first client asks where to pull from. */
const shortLived: Contender = {
  ...direct,
  name: 'short-lived',
  async start(deps) {
    const running = await direct.start(deps)
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    return {
      ...running,
      processes: [{ name: 'server', pid: child.pid ?? 0 }],
      mirrorOf() {
        child.kill('SIGKILL')
        return undefined
      },
    }
  },
}

describe('runScenario', function () {
  this.timeout(120_000)

  it('ends with one line when a process of the contender has died by itself', async () => {
    await using venues = new Venues('loopback')
    const playing = runScenario(coldFanOut, [shortLived], venues, {
      repeats: 1,
      realClients: false,
      nodes: 1,
      seed: 1,
      imageBytes: 1_000_000,
      compressiblePart: 0,
      signal: AbortSignal.timeout(120_000),
      onStep: () => {},
    })
    await assert.rejects(
      playing,
      (error) =>
        error instanceof BenchError &&
        error.message === `in "all nodes at once" the contender's server died by itself`,
    )
  })
})
