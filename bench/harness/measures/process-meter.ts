import { cpuSecondsOf, peakMemoryBytesOf } from '../../support/process-cpu.ts'
import type { ContenderProcess } from '../contenders/contender.ts'

interface Reading {
  readonly cpuSeconds: number
  readonly peakMemoryBytes: number
}

/** Adds up the CPU time of processes that come and go. What one uses after its last reading, before it ends, isn't seen. */
export class ProcessMeter {
  readonly #readings = new Map<string, Reading>()

  /**
   * Reads what `processes` have used up to now; has to be called before any of them ends. Returns the names of those that
   * are gone already.
   */
  async read(processes: readonly ContenderProcess[]): Promise<string[]> {
    const gone: string[] = []
    await Promise.all(
      processes.map(async ({ name, pid }) => {
        try {
          const cpuSeconds = await cpuSecondsOf(pid)
          const peakMemoryBytes = await peakMemoryBytesOf(pid)
          // One that has ended and not yet been waited for has no memory left to read.
          if (Number.isNaN(peakMemoryBytes)) gone.push(name)
          else this.#readings.set(`${name} ${pid}`, { cpuSeconds, peakMemoryBytes })
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
          gone.push(name)
        }
      }),
    )
    return gone
  }

  /** CPU time of all processes together. */
  get cpuSeconds(): number {
    return this.#readings.values().reduce((sum, reading) => sum + reading.cpuSeconds, 0)
  }

  /** The most that any process of each name has had. */
  get peakMemoryBytes(): Record<string, number> {
    const peaks: Record<string, number> = {}
    for (const [key, { peakMemoryBytes }] of this.#readings) {
      const name = key.slice(0, key.lastIndexOf(' '))
      peaks[name] = Math.max(peaks[name] ?? 0, peakMemoryBytes)
    }
    return peaks
  }
}
