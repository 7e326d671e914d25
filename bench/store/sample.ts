import { performance } from 'node:perf_hooks'

import { peakMemoryBytesOf } from '../support/process-cpu.ts'

/** What one run of a measure took. */
export interface Sample {
  readonly seconds: number
  readonly cpuSeconds: number
  /** Largest resident set of the process before the work, which is what Node itself takes; undefined for a shell's. */
  readonly idleMemoryBytes?: number
  /** Largest resident set until the work was done. */
  readonly peakMemoryBytes?: number
}

/** Does `work` and says what it took this process. */
export async function takeSample(work: () => Promise<void>): Promise<Sample> {
  const idleMemoryBytes = await peakMemoryBytesOf(process.pid)
  const cpuBefore = process.cpuUsage()
  const startedMs = performance.now()
  await work()
  const seconds = (performance.now() - startedMs) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const peakMemoryBytes = await peakMemoryBytesOf(process.pid)
  return { seconds, cpuSeconds: (user + system) / 1e6, idleMemoryBytes, peakMemoryBytes }
}
