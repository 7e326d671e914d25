import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { isRead, type RequestHandler } from './request-handler.ts'

/**
 * The fastify application around `handle`. It hands every request over raw: a registry's paths are no routes of
 * fastify, since names contain slashes, and its replies are written chunk by chunk.
 */
export function createHttpApp(handle: RequestHandler): FastifyInstance {
  const takeOver = (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.hijack()
    return handle(request.raw, reply.raw)
  }
  const app = fastify({
    exposeHeadRoutes: false,
    // A path that fastify can't decode.
    frameworkErrors: (_error, request, reply) => void takeOver(request, reply),
  })
  // Writes are refused before fastify reads their body.
  app.addHook('onRequest', (request, reply, done) => {
    if (isRead(request.method)) done()
    else void takeOver(request, reply)
  })
  app.route({ method: ['GET', 'HEAD'], url: '/*', handler: takeOver })
  app.setNotFoundHandler(takeOver)
  return app
}
