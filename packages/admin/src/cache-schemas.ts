const TEXT = { type: 'string' } as const
const FLAG = { type: 'boolean' } as const

/** Exactly one member of a CacheSelection. */
const SELECTION = {
  ...object([], {
    image: TEXT,
    repository: TEXT,
    upstream: TEXT,
    unusedForMs: { type: 'integer', minimum: 0 },
    all: { const: true },
  }),
  minProperties: 1,
  maxProperties: 1,
}

/** A body or a query that names an image. */
export const NAMED_IMAGE = object(['image'], { image: TEXT })

/** The body of a purge. What it may remove has to be said, as has whether it may. */
export const PURGE = object(['select', 'dryRun'], { select: SELECTION, dryRun: FLAG })

/** The body of a verification. */
export const VERIFICATION = object(['select'], { select: SELECTION })

/** The JSON Schema (draft-07) of an object that has the members `required` and nothing that is unknown. */
function object(required: readonly string[], properties: Readonly<Record<string, object>>) {
  return { type: 'object', additionalProperties: false, required, properties }
}
