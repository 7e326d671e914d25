import { UpstreamCredentialsError } from '@layermesh/interface'
import { type AuthKey, canonicalHost, fitOf, parseAuthKey } from './auth-key.ts'
import type { Secret } from './credential.ts'

/** What Docker's `config.json`, or a pull secret of Kubernetes, says of logins. */
export interface DockerConfig {
  readonly auths: readonly { readonly key: AuthKey; readonly secret: Secret }[]
  /** The helper for hosts that have none of their own. */
  readonly credsStore: string | undefined
  /** The helpers of hosts, by canonical host. */
  readonly credHelpers: ReadonlyMap<string, string>
}

/** Stands in the place of a name when the secret is an identity token (docker-credential-helpers). */
const TOKEN_USERNAME = '<token>'

/**
 * Reads a configuration; all that is not about logins is ignored. Throws ERR_UPSTREAM_CREDENTIALS with a message that
 * tells where the fault is, and nothing of what stands there.
 */
export function parseDockerConfig(text: string): DockerConfig {
  const config = objectOf(parseJson(text), 'the file')
  const auths = Object.entries(objectOf(config['auths'] ?? {}, 'auths'))
  const helpers = Object.entries(objectOf(config['credHelpers'] ?? {}, 'credHelpers'))
  return {
    auths: auths.flatMap(([key, entry]) => {
      const secret = secretOfEntry(objectOf(entry, `auths[${JSON.stringify(key)}]`), key)
      return secret === undefined ? [] : [{ key: parseAuthKey(key), secret }]
    }),
    credsStore: textOf(config['credsStore']),
    credHelpers: new Map(
      helpers.flatMap(([host, helper]) =>
        typeof helper === 'string' && helper !== '' ? [[parseAuthKey(host).host, helper]] : [],
      ),
    ),
  }
}

/** The login of `auths` that fits a repository best; a host's own helper goes before it. */
export function findAuth({ auths }: DockerConfig, host: string, repository: string): Secret | undefined {
  const fitting = auths.flatMap(({ key, secret }) => {
    const fit = fitOf(key, canonicalHost(host), repository)
    return fit === undefined ? [] : [{ fit, secret }]
  })
  return fitting.toSorted((a, b) => b.fit - a.fit)[0]?.secret
}

/** A login as helpers and files write it; undefined when there is none in it. */
export function secretOf(username: string | undefined, password: string | undefined): Secret | undefined {
  if (password === undefined) return undefined
  if (username === TOKEN_USERNAME) return { identityToken: password }
  return username === undefined ? undefined : { username, password }
}

// An entry is empty when a helper keeps the login.
function secretOfEntry(entry: Readonly<Record<string, unknown>>, key: string): Secret | undefined {
  const identityToken = textOf(entry['identitytoken'])
  if (identityToken !== undefined) return { identityToken }
  const auth = textOf(entry['auth'])
  if (auth === undefined) return secretOf(textOf(entry['username']), textOf(entry['password']))
  const [, username, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(auth, 'base64').toString()) ?? []
  if (username === undefined || password === undefined) {
    throw new UpstreamCredentialsError(`auths[${JSON.stringify(key)}].auth is no name and password in base64`)
  }
  // Old versions of Docker padded it with NUL.
  return secretOf(username, password.replace(/\0+$/, ''))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The cause would quote the text.
    throw new UpstreamCredentialsError('the file is no JSON')
  }
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw new UpstreamCredentialsError(`${what} is no JSON object`)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
