import { createInterface } from 'node:readline'
import type { CliIo } from './cli-io.ts'

/** Whether there is a person who can be asked. */
export function canAsk({ stdin, stderr }: CliIo): boolean {
  return stdin.isTTY && stderr.isTTY
}

/** Asks a person; anything but a yes means no, also the end of the input and Ctrl-C. */
export async function confirm(question: string, { stdin, stderr }: CliIo): Promise<boolean> {
  const lines = createInterface({ input: stdin, output: stderr, prompt: `${question} [y/N] ` })
  lines.prompt()
  try {
    // A question's promise never settles when the input ends; the loop ends with it.
    for await (const line of lines) return /^y(es)?$/i.test(line.trim())
    return false
  } finally {
    lines.close()
  }
}
