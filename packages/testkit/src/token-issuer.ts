import { randomUUID } from 'node:crypto'
import type { Clock } from '@layermesh/interface'
import type { OriginRequest } from './origin-request.ts'
import { errorReply, jsonReply, type Reply } from './reply.ts'

const SERVICE = 'layermesh-origin'

interface Grant {
  readonly repositories: ReadonlySet<string>
  readonly expiresAtMs: number
}

/** Bearer tokens as public registries hand them to anybody (distribution's "Token Authentication Specification"). */
export class TokenIssuer {
  readonly #clock: Clock
  readonly #lifetimeSeconds: number
  readonly #grants = new Map<string, Grant>()

  /** Tokens are valid for `lifetimeSeconds` of `clock`. */
  constructor(clock: Clock, lifetimeSeconds: number) {
    this.#clock = clock
    this.#lifetimeSeconds = lifetimeSeconds
  }

  /** Answers a request for a token with one for every repository that it asks for. */
  issue(request: OriginRequest): Reply {
    if (request.query.get('service') !== SERVICE) return errorReply(400, 'UNSUPPORTED', 'unknown service')
    const nowMs = this.#clock.now()
    const token = randomUUID()
    this.#grants.set(token, {
      repositories: new Set(request.query.getAll('scope').flatMap(pullableIn)),
      expiresAtMs: nowMs + this.#lifetimeSeconds * 1000,
    })
    return jsonReply(200, {
      token,
      access_token: token,
      expires_in: this.#lifetimeSeconds,
      issued_at: new Date(nowMs).toISOString(),
    })
  }

  /** The 401 for a request whose token is missing, expired or for something else; undefined when it may pass. */
  refuse(request: OriginRequest): Reply | undefined {
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
    if (token === undefined) return challenge(request)
    const grant = this.#grants.get(token)
    if (grant === undefined || grant.expiresAtMs <= this.#clock.now())
      return challenge(request, 'invalid_token')
    const { repository } = request
    if (repository === undefined || grant.repositories.has(repository)) return undefined
    return challenge(request, 'insufficient_scope')
  }
}

// The realm is on the host that the client asked, so that a proxy in front of the origin carries tokens, too.
function challenge(request: OriginRequest, error?: string): Reply {
  const { repository, headers } = request
  const parameters = [`realm="http://${headers.host ?? ''}/token"`, `service="${SERVICE}"`]
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
