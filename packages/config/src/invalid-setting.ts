import { ConfigInvalidError } from '@layermesh/interface'
import { nearestName } from './nearest-name.ts'

const MAX_SHOWN_CHARS = 80

/** A value that isn't allowed: `mirror.listen[0] = "x" (from node.yaml): expected host:port, …`. */
export function invalidValue(
  key: string,
  value: unknown,
  origin: string,
  allowed: string,
): ConfigInvalidError {
  return new ConfigInvalidError(`${key} = ${shown(value)} (from ${origin}): expected ${allowed}`)
}

/** A name that is no setting. Its value isn't shown: nobody knows what it is, and it may be a secret. */
export function unknownName(name: string, origin: string, allowed: readonly string[]): ConfigInvalidError {
  const nearest = nearestName(name, allowed)
  const hint = nearest === undefined ? `expected one of ${allowed.join(', ')}` : `did you mean ${nearest}?`
  return new ConfigInvalidError(`${name} (from ${origin}) is not a setting: ${hint}`)
}

// JSON keeps a value on one line and shows its type: "5" is not 5.
function shown(value: unknown): string {
  const json = JSON.stringify(value) as string | undefined
  if (json === undefined) return 'nothing'
  return json.length <= MAX_SHOWN_CHARS ? json : `${json.slice(0, MAX_SHOWN_CHARS)}…`
}
