import type { PinStatus } from '@layermesh/interface'
import type { Command } from 'commander'
import { tellDaemon } from '../admin-client.ts'
import { addTokenOptions, type TokenOptions } from '../admin-token.ts'
import type { CliIo } from '../cli-io.ts'
import { writeAnswer } from '../write-answer.ts'
import { sizeText } from './count-text.ts'

/** `layermesh unpin`: ends the protection of an image. */
export function addUnpinCommand(program: Command, io: CliIo): void {
  const command = program
    .command('unpin')
    .description('let a pinned image be evicted again')
    .argument('<image>', 'image as it was pinned, by tag or digest')
  addTokenOptions(command)
    .addHelpText('after', '\nExamples:\n  layermesh unpin nginx:1.27')
    .action(async (image: string, options: TokenOptions) => {
      const path = `/api/v1/pins?image=${encodeURIComponent(image)}`
      writeAnswer(
        await tellDaemon<PinStatus>({ method: 'DELETE', path }, options, io),
        unpinnedText,
        options,
        io,
      )
    })
}

function unpinnedText({ blobs, bytes, image }: PinStatus): string {
  return `unpinned ${image}: ${sizeText(bytes, blobs)} can be evicted now\n`
}
