/** One challenge of a `WWW-Authenticate` field (RFC 9110 §11.6.1). */
export interface AuthChallenge {
  /** In lower case: schemes are compared without regard to it. */
  readonly scheme: string
  /** By name in lower case. Of a repeated parameter, the first counts. */
  readonly parameters: ReadonlyMap<string, string>
}

/** What a registry asks for before it answers (distribution-spec 1.1 leaves it to Docker's "token" specification). */
export interface BearerChallenge {
  /** Where a token is to be had: a URL, perhaps with a query of its own, perhaps relative to the request. */
  readonly realm: string
  /** Undefined when the registry names none (nvcr.io, OpenShift): the parameter is then left out, not sent empty. */
  readonly service: string | undefined
  /** Space-separated, as the registry wrote it. */
  readonly scope: string | undefined
  /** Why the token that came along was refused, such as `insufficient_scope` (RFC 6750 §3.1). */
  readonly error?: string
}

/**
 * A token, and its value when `=` follows. A token that no `=` follows is the scheme of the next challenge: commas
 * separate challenges as well as parameters. Values without quotes may hold what a token may not, `/` and `:`
 * above all, because registries send `realm=https://…`. A quote that nobody closes ends with the line.
 * Each part excludes the first character of the next, so that the time is linear in the length of the line.
 */
const ITEM = /[\s,="]*([^\s,="]+)(?:\s*=\s*(?:"([^"\\]*(?:\\.[^"\\]*)*)"?|([^\s,"]*)))?/gsy

/**
 * Reads the challenges of a reply: each line of `WWW-Authenticate`, each with one or more challenges. Anything can be
 * parsed; what is no challenge comes out as one of an unknown scheme, such as the token of `Negotiate`.
 */
export function parseAuthChallenges(lines: string | readonly string[]): readonly AuthChallenge[] {
  return (typeof lines === 'string' ? [lines] : lines).flatMap(parseLine)
}

/** The first Bearer challenge of a reply that says where to get a token, or undefined when there is none. */
export function findBearerChallenge(lines: string | readonly string[]): BearerChallenge | undefined {
  for (const { scheme, parameters } of parseAuthChallenges(lines)) {
    const realm = parameters.get('realm')
    if (scheme !== 'bearer' || realm === undefined || realm === '') continue
    const error = parameters.get('error')
    return {
      realm,
      service: nonEmpty(parameters.get('service')),
      scope: nonEmpty(parameters.get('scope')),
      ...(error !== undefined && { error }),
    }
  }
  return undefined
}

/** Whether a reply offers to be convinced by name and password (RFC 7617). */
export function offersBasic(lines: string | readonly string[]): boolean {
  return parseAuthChallenges(lines).some(({ scheme }) => scheme === 'basic')
}

function parseLine(line: string): AuthChallenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  for (const [, token = '', quoted, unquoted] of line.matchAll(ITEM)) {
    const name = token.toLowerCase()
    const value = quoted?.replace(/\\(.)/gs, '$1') ?? unquoted
    if (value === undefined) challenges.push({ scheme: name, parameters: new Map() })
    else {
      const parameters = challenges.at(-1)?.parameters
      if (parameters?.has(name) === false) parameters.set(name, value)
    }
  }
  return challenges
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
