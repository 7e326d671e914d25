import type { CacheSelection, VerifyProgress } from '@layermesh/interface'
import type { Command } from 'commander'
import { followDaemon } from '../admin-client.ts'
import { addTokenOptions, type TokenOptions } from '../admin-token.ts'
import type { CliIo } from '../cli-io.ts'
import { CommandError } from '../command-error.ts'
import { writeAnswer } from '../write-answer.ts'
import { countText, sizeText } from './count-text.ts'
import { addSelectionOptions, selectionsOf, type SelectionOptions } from './selection-options.ts'

const EXPLANATION = `
Every byte on disk is read and hashed again. A blob that is wrong is served to nobody any more, its file is kept in
quarantine, and it is fetched again; its digest is printed, and the exit code is 1. Without a selection everything is
verified.

Examples:
  layermesh verify
  layermesh verify nginx:1.27
  layermesh verify --upstream ghcr.io --json | jq .damaged`

interface VerifyOptions extends TokenOptions, SelectionOptions {}

/** `layermesh verify`: hashes what is cached. */
export function addVerifyCommand(program: Command, io: CliIo): void {
  const command = program
    .command('verify')
    .description('check that what is cached is what it has to be')
    .argument('[image]', 'image by tag or digest')
  addTokenOptions(addSelectionOptions(command))
    .addHelpText('after', EXPLANATION)
    .action(async (image: string | undefined, options: VerifyOptions) => {
      const [select = { all: true }] = selectionsOf(image === undefined ? [] : [image], options)
      const result = await verify(select, options, io)
      writeAnswer(result, verifiedText, options, io)
      const { blobs, damaged } = result
      if (damaged.length === 0) return
      throw new CommandError(
        `${damaged.length} of ${countText(blobs, 'blob')} were damaged: they are in quarantine and are fetched again`,
      )
    })
}

async function verify(select: CacheSelection, options: VerifyOptions, io: CliIo): Promise<VerifyProgress> {
  const change = { method: 'POST', path: '/api/v1/verify', body: { select } } as const
  // Only this command shows progress, and loading what does takes time.
  const { createVerifyDisplay } = await import('./verify-progress.ts')
  using display = createVerifyDisplay(io.stderr)
  for await (const progress of followDaemon<VerifyProgress>(change, options, io)) {
    if (progress.done) return progress
    display.show(progress)
  }
  throw new CommandError('the daemon ended the verification before it was done; its log says why')
}

function verifiedText({ blobs, bytes, damaged }: VerifyProgress): string {
  if (damaged.length > 0) return damaged.map((digest) => `${digest}\n`).join('')
  return `verified ${sizeText(bytes, blobs)}: all as it has to be\n`
}
