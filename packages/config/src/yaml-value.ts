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
  if (first !== undefined) {
    // The lines after the first show the place in the source.
    const [message = ''] = first.message.split('\n')
    throw new ConfigInvalidError(`${origin} is not YAML: ${message.replace(/:$/, '')}`, { cause: first })
  }
  return withoutNulls(document.toJS())
}
