import { isGroup, type Group, type JsonSchema, type Setting } from './setting.ts'

/** The JSON Schema of a group: nothing but its keys is allowed, and only those without a default are required. */
export function groupSchema(of: Group): JsonSchema {
  const entries = Object.entries(of.entries)
  return {
    type: 'object',
    additionalProperties: false,
    required: entries.filter(([, entry]) => isRequired(entry)).map(([key]) => key),
    properties: Object.fromEntries(
      entries.map(([key, entry]) => [key, isGroup(entry) ? groupSchema(entry) : entry.kind.schema]),
    ),
    allowed: `a mapping of ${Object.keys(of.entries).join(', ')}`,
  }
}

function isRequired(entry: Setting | Group): boolean {
  return !isGroup(entry) && entry.otherwise === 'required'
}
