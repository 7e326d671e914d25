import { provesLogin, type OriginLogin } from './login.ts'
import type { OriginRequest } from './origin-request.ts'
import { errorReply, type Reply } from './reply.ts'

/** Who must be convinced before a registry answers. */
export interface Gate {
  /** The 401 for a request that may not pass; undefined when it may. */
  refuse(request: OriginRequest): Reply | undefined
  /** Answers a request for a token. Absent: there is no token server. */
  issue?(request: OriginRequest): Reply
}

/** A registry that wants name and password with each request, as ECR does. */
export function basicGate(login: OriginLogin): Gate {
  return {
    refuse({ headers }) {
      if (provesLogin(headers.authorization, login)) return undefined
      return errorReply(401, 'UNAUTHORIZED', 'authentication required', {
        'www-authenticate': 'Basic realm="layermesh-origin"',
      })
    },
  }
}
