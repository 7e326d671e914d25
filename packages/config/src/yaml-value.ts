import { ConfigInvalidError } from '@layermesh/interface'
import { parseDocument } from 'yaml'
import { withoutNulls } from './raw-group.ts'

/**
 * Parses YAML 1.2 into plain values; nulls are left out of mappings. Throws ERR_CONFIG_INVALID, in one line,
 * when it isn't YAML.
 */
export function parseYaml(source: string, origin: string): unknown {
  const document = parseDocument(source, { prettyErrors: true })
  const [first] = [...document.errors, ...document.warnings]
  if (first !== undefined) throw notYaml(origin, first)
  try {
    return withoutNulls(document.toJS())
  } catch (error) {
    // Aliases are resolved only now: one may have no anchor, or too many may blow the values up.
    throw notYaml(origin, error as Error)
  }
}

function notYaml(origin: string, cause: Error): ConfigInvalidError {
  // The lines after the first show the place in the source.
  const [message = ''] = cause.message.split('\n')
  return new ConfigInvalidError(`${origin} is not YAML: ${message.replace(/:$/, '')}`, { cause })
}
