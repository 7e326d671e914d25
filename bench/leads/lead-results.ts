import { readFile } from 'node:fs/promises'

import { writeResult } from '../support/result-file.ts'
import type { LeadRun } from './lead-run.ts'

const FILE = new URL('../results/leads.json', import.meta.url)

/** A run, and how it came about: parts of the whole may have been measured on their own. */
export type KeptRun = LeadRun & { readonly date: string; readonly command: string }

/** The runs that there are; none at first. */
export async function readRuns(): Promise<readonly KeptRun[]> {
  try {
    const { runs } = JSON.parse(await readFile(FILE, 'utf8')) as { readonly runs: readonly KeptRun[] }
    return runs
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Leaves out those that were measured as `run` was, with the same order of sources and the same disturbance. */
export function withoutLike(
  runs: readonly KeptRun[],
  run: Pick<LeadRun, 'sources' | 'disturbance'>,
): KeptRun[] {
  return runs.filter((each) => keyOf(each) !== keyOf(run))
}

export async function writeRuns(command: string, runs: readonly KeptRun[]): Promise<void> {
  await writeResult('leads', command, { runs })
}

function keyOf({ sources, disturbance }: Pick<LeadRun, 'sources' | 'disturbance'>): string {
  return JSON.stringify([sources, disturbance?.kind, disturbance?.atPart])
}
