import type { FastifySchemaValidationError } from 'fastify'

/** Says in one line what of a request is not as its schema wants it: `body must have required property 'select'`. */
export function schemaError(errors: readonly FastifySchemaValidationError[], where: string): Error {
  const [first] = errors
  const { additionalProperty: extra } = first?.params ?? {}
  const what = extra === undefined ? first?.message : `has no member ${JSON.stringify(extra)}`
  return new Error(`${where}${first?.instancePath ?? ''} ${what ?? 'is not valid'}`)
}
