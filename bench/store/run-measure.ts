import { fileURLToPath } from 'node:url'

import { runCommand } from '../../test/support/run-command.ts'

/** What `tuneGarbageCollector` sets in the daemon, and the collections that are made on purpose. */
const NODE_FLAGS = ['--external-memory-accounted-in-global-limit', '--expose-gc']

/** Runs a script of `measures/` in a process of its own, so that its peak memory is its own, and returns its outcome. */
export async function runMeasure<T>(name: string, init: object): Promise<T> {
  const script = fileURLToPath(new URL(`measures/${name}.ts`, import.meta.url))
  const { stdout } = await runCommand(process.execPath, [...NODE_FLAGS, script, JSON.stringify(init)])
  return JSON.parse(stdout) as T
}
