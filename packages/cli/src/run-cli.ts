import { Command } from 'commander'
import type { CliIo } from './cli-io.ts'
import { addDemoCommand } from './demo/demo-command.ts'
import { addPeersCommand } from './peers-command.ts'
import { errorLine, reportError } from './report-error.ts'
import { addServeCommand } from './serve-command.ts'
import { addStatusCommand } from './status-command.ts'
import { readVersion } from './version.ts'

const DESCRIPTION = `The nodes of a cluster as one peer-to-peer cache for container images.`

const EXAMPLES = `
Examples:
  layermesh serve            run a node with its defaults
  layermesh peers            show who it found
  layermesh demo             see what a cluster saves, on this machine alone
  layermesh serve --help     how to configure it

Exit codes: 0 success, 2 wrong usage or configuration, 1 any other failure.`

/** Runs the command with its arguments and returns the exit code. Never rejects. */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  try {
    await createProgram(io).parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    return reportError(error, io)
  }
}

function createProgram(io: CliIo): Command {
  const program = new Command('layermesh')
    .description(DESCRIPTION)
    .version(readVersion())
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(errorLine(text.replace(/^error: /, ''))),
    })
  addServeCommand(program, io)
  addStatusCommand(program, io)
  addPeersCommand(program, io)
  addDemoCommand(program, io)
  return program
}
