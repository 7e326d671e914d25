/** A group's values as they are written in YAML, by key. */
export type RawGroup = Readonly<Record<string, unknown>>

/** JSON Schema (draft-07) with one word of our own: `allowed` says in words what is allowed. */
export type JsonSchema = Readonly<Record<string, unknown>> & { readonly allowed: string }

/** What a setting takes: how a written value is checked, and what it becomes. */
export interface Kind<Value> {
  readonly schema: JsonSchema
  /** Turns a value that the schema has accepted into the one that the program uses. */
  read(raw: unknown): Value
  /** For a list of mappings: what one of them takes. */
  readonly item?: Group
  /** Whether a list of a higher layer is added to that of a lower one instead of replacing it. */
  readonly appends?: boolean
}

/**
 * What a setting is when nobody sets it: a value as it would be written in the file, one that is computed from the
 * machine, the settings beside it or, outside of lists, all that are written, and is documented in `words`, nothing,
 * or an error.
 */
export type Otherwise =
  | { readonly value: unknown }
  | { readonly words: string; compute(siblings: RawGroup, all: RawGroup): unknown }
  | 'absent'
  | 'required'

/** One entry of the table: what a key takes and what it is for. */
export interface Setting<Value = unknown, Field extends string | undefined = string | undefined> {
  /** What an operator gets from it: Markdown, whole sentences. */
  readonly help: string
  readonly kind: Kind<Value>
  readonly otherwise: Otherwise
  /** The name in the typed result where it isn't the key, because it carries a unit. */
  readonly field: Field
}

/** The members of a group by key, in the order of the documentation. */
export type Entries = Readonly<Record<string, Setting | Group>>

/** Settings that belong together: a mapping in the file. */
export interface Group<
  Members extends Entries = Entries,
  Field extends string | undefined = string | undefined,
> {
  readonly help: string
  readonly entries: Members
  readonly field: Field
}

type FieldOf<Key, Entry> = Entry extends { readonly field: infer Field extends string } ? Field : Key

/** The typed result of reading a setting, or a group of them. */
export type ValueOf<Entry> =
  Entry extends Setting<infer Value>
    ? Value
    : Entry extends Group<infer Members>
      ? { readonly [Key in keyof Members as FieldOf<Key, Members[Key]>]: ValueOf<Members[Key]> }
      : never

interface SettingInit<Value, Field> {
  readonly help: string
  readonly kind: Kind<Value>
  readonly field?: Field
}

/** A setting that always has a value. */
export function setting<Value, const Field extends string | undefined = undefined>(
  init: SettingInit<Value, Field> & { readonly otherwise: Exclude<Otherwise, 'absent'> },
): Setting<Value, Field> {
  return { ...init, field: init.field as Field }
}

/** A setting that is undefined unless somebody sets it. */
export function optionalSetting<Value, const Field extends string | undefined = undefined>(
  init: SettingInit<Value, Field>,
): Setting<Value | undefined, Field> {
  return { ...init, otherwise: 'absent', field: init.field as Field }
}

/** A mapping of settings. */
export function group<Members extends Entries, const Field extends string | undefined = undefined>(init: {
  readonly help: string
  readonly entries: Members
  readonly field?: Field
}): Group<Members, Field> {
  return { ...init, field: init.field as Field }
}

/** Tells a group from a setting. */
export function isGroup(entry: Setting | Group): entry is Group {
  return 'entries' in entry
}
