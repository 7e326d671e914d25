import { Command } from 'commander'
import { addImagesCommand } from './cache/images-command.ts'
import { addPinCommand } from './cache/pin-command.ts'
import { addPurgeCommand } from './cache/purge-command.ts'
import { addUnpinCommand } from './cache/unpin-command.ts'
import { addVerifyCommand } from './cache/verify-command.ts'
import type { CliIo } from './cli-io.ts'
import { addDemoCommand } from './demo/demo-command.ts'
import { addPeersCommand } from './peers-command.ts'
import { errorLine, reportError } from './report-error.ts'
import { addSecretCommand } from './secret-command.ts'
import { addServeCommand } from './serve-command.ts'
import { addStatusCommand } from './status-command.ts'
import { readVersion } from './version.ts'

const DESCRIPTION = `The nodes of a cluster as one peer-to-peer cache for container images.`

const EXAMPLES = `
Examples:
  layermesh serve            run a node with its defaults
  layermesh peers            show who it found
  layermesh images           show what is cached
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
  addImagesCommand(program, io)
  addPinCommand(program, io)
  addUnpinCommand(program, io)
  addPurgeCommand(program, io)
  addVerifyCommand(program, io)
  addSecretCommand(program, io)
  addDemoCommand(program, io)
  return program
}
