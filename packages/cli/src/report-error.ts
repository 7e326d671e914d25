import { ConfigInvalidError, LayermeshError } from '@layermesh/interface'
import { CommanderError } from 'commander'
import type { CliIo } from './cli-io.ts'
import { CommandError } from './command-error.ts'
import { WrongUsageError } from './wrong-usage-error.ts'

const WRONG_USAGE = 2

/** Writes one line that says what went wrong, and returns the exit code: 2 for wrong usage, else 1. */
export function reportError(error: unknown, { stderr }: Pick<CliIo, 'stderr'>): number {
  // commander has written its own line.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE
  stderr.write(errorLine(describe(error)))
  return error instanceof ConfigInvalidError || error instanceof WrongUsageError ? WRONG_USAGE : 1
}

/** An error message as the one line that is shown to people. */
export function errorLine(message: string): string {
  return `error: ${message.trim().replaceAll(/\s*\n\s*/g, ' ')}\n`
}

function describe(error: unknown): string {
  if (error instanceof CommandError || error instanceof LayermeshError) return error.message
  return error instanceof Error ? `unexpected ${error.name}: ${error.message}` : `unexpected ${String(error)}`
}
