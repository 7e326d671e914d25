import { LayermeshError, type ErrorCode } from '@layermesh/interface'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE']

/** Errors by which a person is told that they have named something wrongly. */
const MISTAKES: ReadonlySet<ErrorCode> = new Set([
  'ERR_NAME_INVALID',
  'ERR_TAG_INVALID',
  'ERR_DIGEST_INVALID',
  'ERR_UPSTREAM_UNKNOWN',
])

/** Answers with a status and one line for people. */
export function refuse(reply: FastifyReply, status: number, error: string): FastifyReply {
  return reply.code(status).type('application/json').send({ error })
}

/** Refuses a request that no route takes: 404 when its path isn't there, 405 when its method isn't. */
export function refuseUnrouted(
  app: FastifyInstance,
  { method, url }: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const [path = ''] = url.split('?')
  const allowed = METHODS.filter((each) => app.hasRoute({ method: each, url: path })).join(', ')
  if (allowed === '') return refuse(reply, 404, 'there is nothing here')
  return refuse(reply.header('allow', allowed), 405, `${method} is not possible here, but ${allowed}`)
}

/** The status of an error of which the request is to blame, undefined when it is ours. */
export function blamedStatus(error: FastifyError | LayermeshError): number | undefined {
  if (error instanceof LayermeshError) return MISTAKES.has(error.code) ? 400 : undefined
  const { statusCode = 500 } = error
  return statusCode < 500 ? statusCode : undefined
}
