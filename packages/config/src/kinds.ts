import type { Format } from './format.ts'
import { groupSchema } from './json-schema.ts'
import { mergeRaw } from './raw-group.ts'
import { readGroup } from './read-group.ts'
import type { Entries, Group, Kind, RawGroup, ValueOf } from './setting.ts'

/** A text of a format. */
export function text<Value>(format: Format<Value>): Kind<Value> {
  return {
    schema: { type: 'string', format: format.name, allowed: format.allowed },
    read: (raw) => format.parse(raw as string) as Value,
  }
}

/** One of some words. */
export function choice<const Word extends string>(words: readonly Word[]): Kind<Word> {
  return {
    schema: { type: 'string', enum: words, allowed: `one of ${words.join(', ')}` },
    read: (raw) => raw as Word,
  }
}

/** True or false. */
export function flag(): Kind<boolean> {
  return { schema: { type: 'boolean', allowed: 'true or false' }, read: (raw) => raw as boolean }
}

/** A whole number; both limits are allowed. */
export function integer(minimum: number, maximum: number): Kind<number> {
  const allowed = `a whole number from ${minimum} to ${maximum}`
  return { schema: { type: 'integer', minimum, maximum, allowed }, read: (raw) => raw as number }
}

/** A list without duplicates. */
export function listOf<Value>(item: Kind<Value>, minItems: 0 | 1): Kind<readonly Value[]> {
  const allowed = `a list like [a, b], ${minItems === 1 ? 'not empty, ' : ''}without duplicates, each ${item.schema.allowed}`
  return {
    schema: { type: 'array', items: item.schema, minItems, uniqueItems: true, allowed },
    read: (raw) => (raw as readonly unknown[]).map((each) => item.read(each)),
  }
}

/** A list of mappings whose order counts. */
export function groupListOf<Members extends Entries>(
  item: Group<Members>,
): Kind<readonly ValueOf<Group<Members>>[]> {
  const schema = groupSchema(item)
  return {
    schema: { type: 'array', items: schema, allowed: `a list, each ${schema.allowed}` },
    item,
    read: (raw) => (raw as readonly RawGroup[]).map((entry) => readGroup(item, entry)),
  }
}

/**
 * A list of mappings that are told apart by the member `key`. It starts with `known`; an entry changes the members
 * that it names of the one before it with the same key, or is added.
 */
export function keyedListOf<Members extends Entries>(
  item: Group<Members>,
  key: keyof Members & string,
  known: readonly RawGroup[],
): Kind<readonly ValueOf<Group<Members>>[]> {
  const schema = groupSchema(item)
  return {
    schema: { type: 'array', items: schema, allowed: `a list, each ${schema.allowed}` },
    item,
    appends: true,
    read(raw) {
      const byKey = new Map<unknown, RawGroup>()
      for (const entry of [...known, ...(raw as readonly RawGroup[])]) {
        byKey.set(entry[key], mergeRaw(item, byKey.get(entry[key]) ?? {}, entry))
      }
      return [...byKey.values()].map((entry) => readGroup(item, entry))
    },
  }
}
