import type { CacheSelection } from '@layermesh/interface'
import type { Command } from 'commander'
import { WrongUsageError } from '../wrong-usage-error.ts'

/** The options that say which part of the cache is meant; beside them, images can be named. */
export interface SelectionOptions {
  readonly repository?: string
  readonly upstream?: string
  readonly unusedFor?: number
  readonly all?: true
}

/** Adds the options of {@link SelectionOptions} that every command with a selection has. */
export function addSelectionOptions(command: Command): Command {
  return command
    .option('--repository <name>', 'all images of a repository, such as ghcr.io/org/app')
    .option('--upstream <host>', 'all images of an upstream, such as docker.io')
    .option('--all', 'everything')
}

/** What was selected; none when nothing was. Throws a {@link WrongUsageError} for more than one kind of selection. */
export function selectionsOf(
  images: readonly string[],
  { all, repository, unusedFor, upstream }: SelectionOptions,
): readonly CacheSelection[] {
  const kinds: readonly (readonly CacheSelection[])[] = [
    images.map((image) => ({ image })),
    repository === undefined ? [] : [{ repository }],
    upstream === undefined ? [] : [{ upstream }],
    unusedFor === undefined ? [] : [{ unusedForMs: unusedFor }],
    all === undefined ? [] : [{ all }],
  ]
  const [selected = [], another] = kinds.filter(({ length }) => length > 0)
  if (another === undefined) return selected
  throw new WrongUsageError('images, --repository and the like select different things: give one of them')
}
