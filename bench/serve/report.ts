import { printTables, type ResultPage, type ResultTable, writeTables } from '../support/result-page.ts'
import { median, spreadOf } from '../support/statistics.ts'
import type { MissLine } from './misses.ts'
import type { RequestLine } from './requests.ts'
import type { Sample } from './server.ts'
import type { StreamLine } from './streams.ts'

const MiB = 1024 * 1024
const GiB = 1024 * MiB
const PAGE: ResultPage = { path: 'docs/serving.md', command: 'npm run bench:serve' }

/** All that a run has measured. */
export interface ServeResult {
  readonly requests: readonly RequestLine[]
  readonly streams: readonly StreamLine[]
  readonly misses: readonly MissLine[]
}

/** Prints the tables for whoever has started the run. */
export function printReport(result: ServeResult): void {
  printTables(tablesOf(result))
}

/** Brings the tables in docs/ up to date with a result; returns their path from the top of the repository. */
export async function writeReport(result: ServeResult): Promise<string> {
  await writeTables(PAGE, tablesOf(result))
  return PAGE.path
}

function tablesOf({ requests, streams, misses }: ServeResult): readonly ResultTable[] {
  return [requestTable(requests), streamTable(streams), missTable(misses)]
}

function requestTable(lines: readonly RequestLine[]): ResultTable {
  return {
    name: 'requests',
    head: [
      'request',
      'server',
      'connections, number',
      'requests/s, median',
      'least–most, requests/s',
      'CPU s/10,000 requests, median',
      'requests/CPU s, median',
    ],
    rows: lines.map(({ work, server, connections, samples }) => {
      const { median: rate, min, max } = spreadOf(samples.map((each) => each.requests / each.seconds))
      const cpuSeconds = median(samples.map((each) => each.cpuSeconds / each.requests))
      return [
        ...[work, server, `${connections}`],
        count(rate),
        `${count(min)}–${count(max)}`,
        (cpuSeconds * 10_000).toFixed(2),
        count(1 / cpuSeconds),
      ]
    }),
  }
}

function streamTable(lines: readonly StreamLine[]): ResultTable {
  return {
    name: 'streams',
    head: [
      'readers',
      'server',
      'MiB/s, median',
      'least–most, MiB/s',
      'CPU s/GiB, median',
      'memory before, MiB',
      'peak memory, MiB',
    ],
    rows: lines.map(({ work, server, samples }) => {
      const { median: rate, min, max } = spreadOf(samples.map((each) => each.bodyBytes / each.seconds / MiB))
      const perGiB = ({ cpuSeconds, bodyBytes }: Sample) => cpuSeconds / (bodyBytes / GiB)
      return [
        ...[work, server],
        count(rate),
        `${count(min)}–${count(max)}`,
        median(samples.map(perGiB)).toFixed(2),
        count(median(samples.map((each) => each.idleMemoryBytes)) / MiB),
        count(Math.max(...samples.map((each) => each.peakMemoryBytes)) / MiB),
      ]
    }),
  }
}

function missTable(lines: readonly MissLine[]): ResultTable {
  return {
    name: 'misses',
    head: [
      'link to the origin',
      'blob',
      'first byte from the origin, ms',
      'first byte through a node, ms',
      'more, ms',
      'whole from the origin, ms',
      'whole through a node, ms',
      'more, %',
    ],
    rows: lines.map(({ link, sizeBytes, direct, throughNode }) => {
      const [firstDirect, firstThrough] = [direct, throughNode].map((samples) =>
        median(samples.map((each) => each.firstByteMs)),
      ) as [number, number]
      const [totalDirect, totalThrough] = [direct, throughNode].map((samples) =>
        median(samples.map((each) => each.totalMs)),
      ) as [number, number]
      return [
        link,
        sizeBytes < MiB ? `${sizeBytes / 1024} KiB` : `${sizeBytes / MiB} MiB`,
        firstDirect.toFixed(1),
        firstThrough.toFixed(1),
        (firstThrough - firstDirect).toFixed(1),
        totalDirect.toFixed(1),
        totalThrough.toFixed(1),
        ((totalThrough / totalDirect - 1) * 100).toFixed(0),
      ]
    }),
  }
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en')
}
