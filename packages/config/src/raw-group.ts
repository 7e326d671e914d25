import { isGroup, type Group, type RawGroup } from './setting.ts'

/** Tells a mapping from every other value that YAML can hold. */
export function isRawGroup(value: unknown): value is RawGroup {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Leaves out what is null, at any depth: a key without a value, as when all below it is commented out, sets nothing. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isRawGroup(value)) return value
  const given = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(given.map(([key, member]) => [key, withoutNulls(member)]))
}

/** Lays the values of `upper` over those of `lower`; both have been checked against the schema of `entry`. */
export function mergeRaw(entry: Group, lower: RawGroup, upper: RawGroup): RawGroup {
  const merged: Record<string, unknown> = { ...lower }
  for (const [key, value] of Object.entries(upper)) {
    const member = entry.entries[key]
    const below = lower[key]
    if (member === undefined || below === undefined) merged[key] = value
    else if (isGroup(member)) merged[key] = mergeRaw(member, below as RawGroup, value as RawGroup)
    else if (member.kind.appends === true) merged[key] = [...(below as unknown[]), ...(value as unknown[])]
    else merged[key] = value
  }
  return merged
}
