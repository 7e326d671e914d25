import {
  isGroup,
  type Entries,
  type Group,
  type Otherwise,
  type RawGroup,
  type Setting,
  type ValueOf,
} from './setting.ts'

/**
 * Reads the values of a group, which its schema has accepted; what is missing becomes what it is otherwise. `all` are
 * the values of the group that has this one.
 */
export function readGroup<Members extends Entries>(
  from: Group<Members>,
  raw: RawGroup,
  all = raw,
): ValueOf<Group<Members>> {
  const fields = Object.entries(from.entries).map(([key, entry]) => [
    entry.field ?? key,
    isGroup(entry)
      ? readGroup(entry, (raw[key] ?? {}) as RawGroup, all)
      : readSetting(entry, raw[key], raw, all),
  ])
  return Object.fromEntries(fields) as ValueOf<Group<Members>>
}

function readSetting(from: Setting, raw: unknown, siblings: RawGroup, all: RawGroup): unknown {
  const written = raw ?? valueOtherwise(from.otherwise, siblings, all)
  return written === undefined ? undefined : from.kind.read(written)
}

function valueOtherwise(otherwise: Otherwise, siblings: RawGroup, all: RawGroup): unknown {
  if (typeof otherwise === 'string') return undefined
  return 'value' in otherwise ? otherwise.value : otherwise.compute(siblings, all)
}
