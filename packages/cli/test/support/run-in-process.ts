import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import type { CliIo } from '../../src/cli-io.ts'
import { runCli } from '../../src/run-cli.ts'
import type { Finished } from './run-command.ts'

/** How a command is run. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  /** What a person types at the terminal, to its end; without it, there is no terminal. */
  readonly typed?: string
}

/** Runs a command in this process, which is much quicker than one of its own. */
export async function runInProcess(
  args: readonly string[],
  { env = {}, typed }: RunOptions = {},
): Promise<Finished> {
  const isTTY = typed !== undefined
  const stdin = new PassThrough().end(typed)
  const stdout = new PassThrough({ encoding: 'utf8' })
  const stderr = new PassThrough({ encoding: 'utf8' })
  const terminal = { isTTY, columns: 80, cursorTo: () => true, clearLine: () => true, moveCursor: () => true }
  const io = {
    env,
    stdin: Object.assign(stdin, { isTTY }),
    stdout,
    stderr: Object.assign(stderr, terminal),
  } as unknown as CliIo
  const code = await runCli(args, io)
  const textOf = (stream: PassThrough) => stripVTControlCharacters(String(stream.read() ?? ''))
  return { code, stdout: textOf(stdout), stderr: textOf(stderr) }
}
