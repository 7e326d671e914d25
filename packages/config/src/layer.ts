import type { RawGroup } from './setting.ts'

/** Some values and where they were written, lowest first: the file, each variable, each `--set`. */
export interface Layer {
  /** Where the values were written, as it is shown to people. */
  readonly origin: string
  readonly values: RawGroup
}

/** The layer that sets one setting, given by its dotted key. */
export function layerOf(origin: string, key: string, value: unknown): Layer {
  const values = key.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value)
  return { origin, values: values as RawGroup }
}
