import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { cpus, totalmem, release } from 'node:os'
import { fileURLToPath } from 'node:url'

/** What a reader must know to judge figures, and to make them again. */
export type RunDescription = ReturnType<typeof describeRun>

/** Describes a run that takes place now. */
export function describeRun(command: string) {
  return {
    date: new Date().toISOString(),
    command,
    commit: execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim(),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryBytes: totalmem(),
      kernel: release(),
    },
    node: process.version,
  }
}

/** Writes `bench/results/<name>.json`, raw samples included, and returns its path from the top of the repository. */
export async function writeResult(name: string, command: string, result: object): Promise<string> {
  const path = `bench/results/${name}.json`
  const file = fileURLToPath(new URL(`../../${path}`, import.meta.url))
  await writeFile(file, `${JSON.stringify({ ...describeRun(command), ...result })}\n`)
  return path
}
