import { median } from '../support/statistics.ts'
import type { Sample } from './sample.ts'
import type { Transfer } from './transfers.ts'

const MiB = 1024 * 1024

/** All runs of one piece of work by one who does it. */
export interface TransferSummary {
  readonly work: string
  readonly by: string
  readonly bytes: number
  readonly medianSeconds: number
  readonly medianMiBPerSecond: number
  readonly medianCpuSeconds: number
  /** The most of all runs, in MiB, and what of it Node itself took before there was work; undefined for a shell's. */
  readonly peakMemoryMiB?: number
  readonly idleMemoryMiB?: number
  readonly samples: readonly Sample[]
}

/** Puts the runs together, in the order in which each first came. */
export function summarize(transfers: readonly Transfer[]): readonly TransferSummary[] {
  return Map.groupBy(transfers, ({ work, by }) => `${work}\n${by}`)
    .values()
    .map(summaryOf)
    .toArray()
}

function summaryOf(runs: readonly Transfer[]): TransferSummary {
  const [first] = runs
  if (first === undefined) throw new RangeError('no runs')
  const { work, by, bytes } = first
  const samples = runs.map(({ sample }) => sample)
  const medianSeconds = median(samples.map(({ seconds }) => seconds))
  const peakMemoryMiB = mostMiB(samples.map(({ peakMemoryBytes }) => peakMemoryBytes))
  const idleMemoryMiB = mostMiB(samples.map(({ idleMemoryBytes }) => idleMemoryBytes))
  return {
    ...{ work, by, bytes, medianSeconds },
    medianMiBPerSecond: Math.round(bytes / MiB / medianSeconds),
    medianCpuSeconds: median(samples.map(({ cpuSeconds }) => cpuSeconds)),
    ...(peakMemoryMiB !== undefined && { peakMemoryMiB }),
    ...(idleMemoryMiB !== undefined && { idleMemoryMiB }),
    samples,
  }
}

function mostMiB(bytes: readonly (number | undefined)[]): number | undefined {
  const known = bytes.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : Math.round(Math.max(...known) / MiB)
}
