import { Readable } from 'node:stream'
import type { CacheControl, CacheSelection, Log } from '@layermesh/interface'
import type { FastifyInstance, FastifyReply, onRequestHookHandler } from 'fastify'
import { bearerChallenge, checkBearerToken } from './bearer-token.ts'
import { NAMED_IMAGE, PURGE, VERIFICATION } from './cache-schemas.ts'
import { refuse } from './refusal.ts'
import { verificationLines } from './verification-lines.ts'

/** What the routes need. */
export interface CacheRoutesDeps {
  readonly cache: CacheControl
  readonly log: Log
}

interface NamedImage {
  readonly image: string
}

/**
 * Adds what a person can see and do of the cache; what changes something needs the token.
 *
 * The token is also what keeps web pages out (CSRF): a browser adds no Authorization header to what a page of another
 * origin sends, unless we would allow it to (CORS), which we don't.
 */
export function addCacheRoutes(app: FastifyInstance, { cache, log }: CacheRoutesDeps, token: string): void {
  const onRequest = requireToken(token)

  app.get('/api/v1/images', () => cache.images())
  app.get('/api/v1/pins', () => cache.pins())
  app.put<{ Body: NamedImage }>(
    '/api/v1/pins',
    { onRequest, schema: { body: NAMED_IMAGE } },
    ({ body: { image } }) => cache.pin(image),
  )
  // In the query: a DELETE may lose its body on the way (RFC 9110 §9.3.5).
  app.delete<{ Querystring: NamedImage }>(
    '/api/v1/pins',
    { onRequest, schema: { querystring: NAMED_IMAGE } },
    async ({ query: { image } }, reply) =>
      (await cache.unpin(image)) ?? refuse(reply, 404, `${JSON.stringify(image)} is not pinned`),
  )
  app.post<{ Body: { readonly select: CacheSelection; readonly dryRun: boolean } }>(
    '/api/v1/purge',
    { onRequest, schema: { body: PURGE } },
    ({ body: { dryRun, select } }) => cache.purge(select, { dryRun }),
  )
  app.post<{ Body: { readonly select: CacheSelection } }>(
    '/api/v1/verify',
    { onRequest, schema: { body: VERIFICATION } },
    ({ body: { select } }, reply) => {
      const signal = closeSignal(reply)
      const lines = verificationLines(cache.verify(select, { signal }), (err) => {
        if (!signal.aborted) log.error({ err }, 'verification broke off')
      })
      return reply.type('application/x-ndjson').send(Readable.from(lines))
    },
  )
}

function requireToken(token: string): onRequestHookHandler {
  return (request, reply, done) => {
    const check = checkBearerToken(request.headers.authorization, token)
    if (check === 'right') {
      done()
      return
    }
    void reply.header('www-authenticate', bearerChallenge(check))
    refuse(reply, 401, check === 'missing' ? 'this needs the admin token' : 'this is not the admin token')
  }
}

// Of the reply, since a request counts as closed as soon as it has been read.
function closeSignal(reply: FastifyReply): AbortSignal {
  const closed = new AbortController()
  reply.raw.once('close', () => closed.abort())
  return closed.signal
}
