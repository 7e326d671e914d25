import { randomUUID } from 'node:crypto'
import type { Clock } from '@layermesh/interface'
import type { Gate } from './gate.ts'
import { provesLogin, type OriginLogin } from './login.ts'
import type { OriginRequest } from './origin-request.ts'
import { errorReply, jsonReply, type Reply } from './reply.ts'

const SERVICE = 'layermesh-origin'

interface Grant {
  readonly repositories: ReadonlySet<string>
  readonly expiresAtMs: number
}

/** How a token is asked for: Docker's own way, or OAuth2's. */
export type TokenMethod = 'GET' | 'POST'

/** Fixed at construction. */
export interface TokenIssuerInit {
  /** How long a token is valid, in seconds. */
  readonly lifetimeSeconds: number
  /** The ways of asking that are understood; others get 405. */
  readonly methods: readonly TokenMethod[]
  /** Who gets a token; undefined when anybody does. */
  readonly login: OriginLogin | undefined
  /** The repositories that only `login` may pull; undefined when these are all. */
  readonly privateRepositories: readonly string[] | undefined
  /** How the registry, and with it the realm, is reached. */
  readonly scheme: 'http' | 'https'
}

/**
 * Bearer tokens as registries hand them out (distribution's "Token Authentication" and "OAuth2 Token Authentication"
 * specifications).
 */
export class TokenIssuer implements Gate {
  readonly #clock: Clock
  readonly #init: TokenIssuerInit
  readonly #grants = new Map<string, Grant>()

  constructor(clock: Clock, init: TokenIssuerInit) {
    this.#clock = clock
    this.#init = init
  }

  /** Answers a request for a token with one for every repository that it asks for. */
  issue(request: OriginRequest): Reply {
    const { lifetimeSeconds, login, methods, privateRepositories } = this.#init
    const { form, method, query, headers } = request
    if (!methods.some((each) => each === method)) {
      return errorReply(405, 'UNSUPPORTED', 'tokens are asked for differently', { allow: methods.join(', ') })
    }
    const asked = form ?? query
    if (asked.get('service') !== SERVICE) return errorReply(400, 'UNSUPPORTED', 'unknown service')
    if (form !== undefined && (form.get('client_id') ?? '') === '')
      return errorReply(400, 'UNSUPPORTED', 'who is asking?')
    const mayAll = login === undefined || isLoggedIn(request, login)
    // As Docker Hub does: a token for whoever says no name, good for what anybody may pull.
    const isAnonymous = headers.authorization === undefined && form === undefined
    if (!mayAll && !(isAnonymous && privateRepositories !== undefined))
      return errorReply(401, 'UNAUTHORIZED', 'wrong login')
    const mayPull = (name: string) => mayAll || !(privateRepositories ?? []).includes(name)
    const nowMs = this.#clock.now()
    const token = randomUUID()
    this.#grants.set(token, {
      repositories: new Set(asked.getAll('scope').flatMap(pullableIn).filter(mayPull)),
      expiresAtMs: nowMs + lifetimeSeconds * 1000,
    })
    return jsonReply(200, {
      token,
      access_token: token,
      expires_in: lifetimeSeconds,
      issued_at: new Date(nowMs).toISOString(),
    })
  }

  /** The 401 for a request whose token is missing, expired or for something else; undefined when it may pass. */
  refuse(request: OriginRequest): Reply | undefined {
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
    const { scheme } = this.#init
    if (token === undefined) return challenge(request, scheme)
    const grant = this.#grants.get(token)
    if (grant === undefined || grant.expiresAtMs <= this.#clock.now())
      return challenge(request, scheme, 'invalid_token')
    const { repository } = request
    if (repository === undefined || grant.repositories.has(repository)) return undefined
    return challenge(request, scheme, 'insufficient_scope')
  }
}

function isLoggedIn({ form, headers }: OriginRequest, login: OriginLogin): boolean {
  if (form === undefined) return provesLogin(headers.authorization, login)
  if (form.get('grant_type') === 'password') {
    return form.get('username') === login.username && form.get('password') === login.password
  }
  const { identityToken } = login
  return identityToken !== undefined && form.get('refresh_token') === identityToken
}

// The realm is on the host that the client asked, so that a proxy in front of the origin carries tokens, too.
function challenge(request: OriginRequest, scheme: TokenIssuerInit['scheme'], error?: string): Reply {
  const { repository, headers } = request
  const parameters = [`realm="${scheme}://${headers.host ?? ''}/token"`, `service="${SERVICE}"`]
  if (repository !== undefined) parameters.push(`scope="repository:${repository}:pull"`)
  if (error !== undefined) parameters.push(`error="${error}"`)
  return errorReply(401, 'UNAUTHORIZED', 'authentication required', {
    'www-authenticate': `Bearer ${parameters.join(',')}`,
  })
}

// One parameter may hold several scopes, `repository:<name>:<actions>`, with spaces between them.
function pullableIn(scopes: string): string[] {
  return scopes.split(' ').flatMap((scope) => {
    const [type, name, actions] = scope.split(':')
    const pullable = type === 'repository' && actions?.split(',').includes('pull')
    return pullable && name !== undefined ? [name] : []
  })
}
