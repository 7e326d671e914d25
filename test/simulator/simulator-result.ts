import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { replaceBlock, tableOf } from '../../bench/support/markdown-page.ts'
import { writeResult, type RunDescription } from '../../bench/support/result-file.ts'
import type { SimulationInit, SimulationReport } from './simulation.ts'

/** A cluster that was played to its end. */
export interface PlayedCluster extends SimulationInit, SimulationReport {
  readonly processorSeconds: number
  /** Of the process up to then, in bytes. */
  readonly peakMemoryBytes: number
}

/** All that one command has played. */
interface SimulatorRun extends RunDescription {
  readonly clusters: readonly PlayedCluster[]
}

/** Clusters of about the same size in the table: up to so many nodes. */
const SIZES = [10, 100, 500, 1000, 2000, Infinity]

/**
 * Adds what a command has played to `bench/results/simulator.json`, in place of what the same command played before, and writes
 * the table of docs/directory.md anew.
 */
export async function writeSimulatorResult(played: SimulatorRun): Promise<void> {
  const earlier = (await readRuns()).filter(({ command }) => command !== played.command)
  const runs = [...earlier, played].sort((a, b) => (a.command < b.command ? -1 : 1))
  await writeResult('simulator', 'npm run test:simulator', { runs })
  await replaceBlock('docs/directory.md', 'simulator', 'npm run test:simulator', tableFor(runs))
}

async function readRuns(): Promise<SimulatorRun[]> {
  const file = fileURLToPath(new URL('../../bench/results/simulator.json', import.meta.url))
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as { readonly runs: SimulatorRun[] }).runs
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function tableFor(runs: readonly SimulatorRun[]): string {
  const clusters = runs.flatMap((run) => run.clusters)
  const bySize = Map.groupBy(clusters, ({ nodes }) => SIZES.findIndex((most) => nodes <= most))
  const rows = [...bySize].sort(([a], [b]) => a - b).map(([, played]) => rowOf(played))
  const head = [
    ...['nodes', 'clusters', 'steps', 'hours', 'crashes', 'partitions', 'pulls', 'failed', 'heartbeats'],
    ...['leads compared', 'asked', 'processor, s', 'memory, MiB'],
  ]
  return tableOf(
    head,
    head.map(() => '--:'),
    [...rows, rowOf(clusters, 'all')],
  )
}

function rowOf(played: readonly PlayedCluster[], name?: string): readonly string[] {
  const nodes = played.map((cluster) => cluster.nodes)
  const [least, most] = [Math.min(...nodes), Math.max(...nodes)]
  const sum = (read: (cluster: PlayedCluster) => number) =>
    Math.round(played.reduce((total, cluster) => total + read(cluster), 0)).toLocaleString('en')
  const hours = played.reduce((total, { virtualSeconds }) => total + virtualSeconds, 0) / 3600
  return [
    name ?? (least === most ? count(most) : `${count(least)}–${count(most)}`),
    count(played.length),
    ...[sum(({ steps }) => steps), hours.toFixed(1), sum(({ crashes }) => crashes)],
    sum(({ partitions }) => partitions),
    sum(({ pulls }) => pulls.done + pulls.failed + pulls.abandoned),
    sum(({ pulls }) => pulls.failed),
    sum(({ messages }) => messages.beats),
    ...[sum(({ leads }) => leads.compared), sum(({ leads }) => leads.asked)],
    sum(({ processorSeconds }) => processorSeconds),
    count(Math.round(Math.max(...played.map(({ peakMemoryBytes }) => peakMemoryBytes)) / 2 ** 20)),
  ]
}

function count(value: number): string {
  return value.toLocaleString('en')
}
