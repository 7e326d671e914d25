import type { CliIo } from './cli-io.ts'

/** Writes what the daemon has answered: as JSON if that was asked for, else as text for people. */
export function writeAnswer<Answer>(
  answer: Answer,
  toText: (answer: Answer) => string,
  { json }: { readonly json?: true },
  { stdout }: CliIo,
): void {
  stdout.write(json ? `${JSON.stringify(answer, undefined, 2)}\n` : toText(answer))
}
