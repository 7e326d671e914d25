import { runCommand } from '../../test/support/run-command.ts'
import type { Sample } from './sample.ts'

/** What a script in a shell took, and what it printed. */
export interface ShellRun {
  readonly sample: Sample
  readonly stdout: string
}

/** Runs `script` with `folder` as its working folder; times are those of bash, of all that it has started. */
export async function runInShell(folder: string, script: string): Promise<ShellRun> {
  const timed = `cd "$0" && TIMEFORMAT='%R %U %S' && time { ${script}; }`
  const { stdout, stderr } = await runCommand('bash', ['-ec', timed, folder], { env: { LC_ALL: 'C' } })
  const [seconds = NaN, user = NaN, system = NaN] = stderr.trim().split(' ').map(Number)
  return { sample: { seconds, cpuSeconds: user + system }, stdout }
}
