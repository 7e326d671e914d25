import { duration } from '@layermesh/config'
import type { CacheSelection, PurgeReport } from '@layermesh/interface'
import { InvalidArgumentError, type Command } from 'commander'
import { tellDaemon } from '../admin-client.ts'
import { addTokenOptions, type TokenOptions } from '../admin-token.ts'
import type { CliIo } from '../cli-io.ts'
import { CommandError } from '../command-error.ts'
import { canAsk, confirm } from '../confirm.ts'
import { writeAnswer } from '../write-answer.ts'
import { WrongUsageError } from '../wrong-usage-error.ts'
import { freesNothing, purgePlanText, purgeResultText, sumReports } from './purge-report.ts'
import { addSelectionOptions, selectionsOf, type SelectionOptions } from './selection-options.ts'

const EXPLANATION = `
It says what it will free, and on a terminal it asks first. What is pinned stays, and so do blobs that other images
use: of several images that share blobs, more may be freed than it says at first.

Examples:
  layermesh purge nginx:1.26 nginx:1.25
  layermesh purge --repository ghcr.io/org/app --dry-run
  layermesh purge --unused-for 30d --yes
  layermesh purge --all --dry-run --json | jq .bytes`

interface PurgeOptions extends TokenOptions, SelectionOptions {
  readonly dryRun?: true
  readonly yes?: true
}

/** `layermesh purge`: removes images and other blobs from the cache. */
export function addPurgeCommand(program: Command, io: CliIo): void {
  const command = program
    .command('purge')
    .description('remove images from the cache')
    .argument('[images...]', 'images by tag or digest')
  addTokenOptions(
    addSelectionOptions(command)
      .option('--unused-for <duration>', 'everything that nobody has used for so long', parseDuration)
      .option('--dry-run', 'only say what would be freed')
      .option('--yes', 'do not ask'),
  )
    .addHelpText('after', EXPLANATION)
    .action(async (images: readonly string[], options: PurgeOptions) => {
      const selections = selectionsOf(images, options)
      if (selections.length === 0) {
        throw new WrongUsageError(
          'what is to be purged? name images, or give --repository, --upstream, --unused-for or --all',
        )
      }
      await purge(selections, options, io)
    })
}

async function purge(selections: readonly CacheSelection[], options: PurgeOptions, io: CliIo): Promise<void> {
  const plan = await purgeEach(selections, true, options, io)
  if (options.dryRun) {
    writeAnswer(plan, purgePlanText, options, io)
    return
  }
  io.stderr.write(purgePlanText(plan))
  if (!freesNothing(plan) && !options.yes && canAsk(io) && !(await confirm('purge this?', io))) {
    throw new CommandError('nothing was purged')
  }
  const report = await purgeEach(selections, false, options, io)
  writeAnswer(report, purgeResultText, options, io)
}

async function purgeEach(
  selections: readonly CacheSelection[],
  dryRun: boolean,
  options: PurgeOptions,
  io: CliIo,
): Promise<PurgeReport> {
  const reports: PurgeReport[] = []
  for (const select of selections) {
    const change = { method: 'POST', path: '/api/v1/purge', body: { select, dryRun } } as const
    reports.push(await tellDaemon(change, options, io))
  }
  return sumReports(reports)
}

function parseDuration(text: string): number {
  const ms = duration.parse(text)
  if (ms === undefined) throw new InvalidArgumentError(`Expected ${duration.allowed}.`)
  return ms
}
