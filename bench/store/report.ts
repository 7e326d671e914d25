import { printTables, type ResultPage, type ResultTable, writeTables } from '../support/result-page.ts'
import { median } from '../support/statistics.ts'
import type { ManyBlobsRun, OpenedIndex, RebuiltIndex } from './many-blobs-run.ts'
import type { TransferSummary } from './summary.ts'

const MiB = 1024 * 1024

/** All that a run has measured. */
export interface StoreResult {
  readonly transfers: readonly TransferSummary[]
  /** The index of blobs that are larger than those of `manyBlobs`, made again. */
  readonly rebuiltLarger: { readonly blobs: number; readonly bytes: number; readonly rebuilt: RebuiltIndex }
  readonly manyBlobs: readonly ManyBlobsRun[]
}

const PAGE: ResultPage = { path: 'docs/store.md', command: 'npm run bench:store' }

/** Prints the tables for whoever has started the run. */
export function printReport(result: StoreResult): void {
  printTables(tablesOf(result))
}

/** Brings the tables in docs/ up to date with a result; returns their path from the top of the repository. */
export async function writeReport(result: StoreResult): Promise<string> {
  await writeTables(PAGE, tablesOf(result))
  return PAGE.path
}

function tablesOf(result: StoreResult): readonly ResultTable[] {
  return [transferTable(result), startTable(result), evictionTable(result)]
}

function transferTable({ transfers }: StoreResult): ResultTable {
  return {
    name: 'transfers',
    head: [
      'work',
      'by',
      'time, s',
      'least–most, s',
      'MiB/s, median',
      'CPU, s',
      'peak memory, MiB',
      'of it Node, MiB',
    ],
    rows: transfers.map((line) => {
      const seconds = line.samples.map((sample) => sample.seconds)
      return [
        line.work,
        line.by,
        line.medianSeconds.toFixed(2),
        `${Math.min(...seconds).toFixed(2)}–${Math.max(...seconds).toFixed(2)}`,
        `${line.medianMiBPerSecond}`,
        line.medianCpuSeconds.toFixed(2),
        `${line.peakMemoryMiB ?? ''}`,
        `${line.idleMemoryMiB ?? ''}`,
      ]
    }),
  }
}

function startTable({ manyBlobs, rebuiltLarger }: StoreResult): ResultTable {
  const opened = manyBlobs.map((run) => {
    const middle = (figure: keyof OpenedIndex) => median(run.opened.map((each) => each[figure]))
    return startRow(`${nameOf(run)}, index there`, {
      openMs: middle('openMs'),
      firstReadMs: middle('firstReadMs'),
      seconds: middle('reconciledMs') / 1000,
      longestLoopBlockMs: middle('longestLoopBlockMs'),
      heapBytesPerBlob: middle('heapBytesPerBlob'),
      peakMemoryBytes: middle('peakMemoryBytes'),
    })
  })
  const rebuilt = manyBlobs.map((run) => startRow(`${nameOf(run)}, index lost`, run.rebuilt, run))
  const larger = `${count(rebuiltLarger.blobs)} blobs of about 1 MiB, index lost`
  // So few that what they add to the heap says nothing of one.
  const figures = { ...rebuiltLarger.rebuilt, heapBytesPerBlob: undefined }
  rebuilt.push(startRow(larger, figures, rebuiltLarger))
  return {
    name: 'start',
    head: [
      'data folder',
      'open, ms',
      'first blob read, ms',
      'all compared, s',
      'blobs/s, mean',
      'MiB/s, mean',
      'blobs read meanwhile, ms (median, 99 %)',
      'longest block of the loop, ms',
      'heap, bytes/blob',
      'peak memory, MiB',
    ],
    rows: [...opened, ...rebuilt],
  }
}

type Optional = 'readMs' | 'heapBytesPerBlob'
type StartFigures = Omit<RebuiltIndex, Optional> & {
  readonly readMs?: readonly number[]
  readonly heapBytesPerBlob: number | undefined
}

function startRow(
  name: string,
  figures: StartFigures,
  rebuilt?: { readonly blobs: number; readonly bytes: number },
): readonly string[] {
  const { readMs, seconds } = figures
  const slowest = readMs?.toSorted((a, b) => a - b)[Math.floor(readMs.length * 0.99)]
  return [
    name,
    figures.openMs.toFixed(0),
    figures.firstReadMs.toFixed(0),
    seconds.toFixed(2),
    rebuilt === undefined ? '' : count(Math.round(rebuilt.blobs / seconds)),
    rebuilt === undefined ? '' : (rebuilt.bytes / MiB / seconds).toFixed(0),
    readMs === undefined ? '' : `${median(readMs).toFixed(1)}, ${slowest?.toFixed(1)}`,
    figures.longestLoopBlockMs.toFixed(0),
    figures.heapBytesPerBlob?.toFixed(0) ?? '',
    (figures.peakMemoryBytes / MiB).toFixed(0),
  ]
}

function evictionTable({ manyBlobs }: StoreResult): ResultTable {
  return {
    name: 'eviction',
    head: [
      'data folder',
      'evicted, blobs',
      'time, s',
      'blobs/s, mean',
      'wait of the fill, ms',
      'longest block of the loop, ms',
      'peak memory, MiB',
    ],
    rows: manyBlobs.map((run) => {
      const { evicted, longestLoopBlockMs, peakMemoryBytes, seconds, startFillMs } = run.eviction
      return [
        nameOf(run),
        count(evicted),
        seconds.toFixed(2),
        count(Math.round(evicted / seconds)),
        startFillMs.toFixed(1),
        longestLoopBlockMs.toFixed(0),
        (peakMemoryBytes / MiB).toFixed(0),
      ]
    }),
  }
}

function nameOf({ blobs, manifests }: ManyBlobsRun): string {
  return `${count(blobs)} blobs of 1 KiB${manifests ? ', a tenth of them manifests' : ''}`
}

function count(value: number): string {
  return value.toLocaleString('en')
}
