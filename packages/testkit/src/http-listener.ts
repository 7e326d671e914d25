import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { ListenError } from '@layermesh/interface'

/** Longer than any client keeps an idle connection, so that no request meets a connection that is being closed. */
const KEEP_ALIVE_MS = 180_000

/** Serves one exchange; must not throw. */
export type ExchangeHandler = (incoming: IncomingMessage, response: ServerResponse) => Promise<void>

/** A listening HTTP server. */
export interface HttpListener {
  readonly port: number
  /** Cuts all connections and waits until every exchange is over. */
  close(): Promise<void>
}

/** What a server proves by who it is, in PEM. */
export interface ServerIdentity {
  readonly key: string
  readonly cert: string
}

/** A server that demands a certificate of its clients, too. */
export interface MutualIdentity extends ServerIdentity {
  /** The authorities of clients that get in, in PEM; undefined when anybody does. */
  readonly clientAuthority?: string | undefined
}

/** Listens on `host`, with TLS if there is an identity; port 0 means any. Throws ERR_LISTEN. */
export async function listenHttp(
  host: string,
  port: number,
  handler: ExchangeHandler,
  identity?: MutualIdentity,
): Promise<HttpListener> {
  const exchanges = new Set<Promise<void>>()
  const listener: RequestListener = (incoming, response) => {
    // A body that nobody reads would keep the connection from being used again.
    incoming.resume()
    const exchange = handler(incoming, response).finally(() => exchanges.delete(exchange))
    exchanges.add(exchange)
  }
  const options = { keepAliveTimeout: KEEP_ALIVE_MS }
  const server =
    identity === undefined
      ? createServer(options, listener)
      : createTlsServer({ ...options, ...tlsOptions(identity) }, listener)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new ListenError(`can't listen on ${host}:${port}`, { cause }))
    })
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
      })
      server.closeAllConnections()
      await closed
      await Promise.all(exchanges)
    },
  }
}

function tlsOptions({ key, cert, clientAuthority: ca }: MutualIdentity): ServerOptions {
  return { key, cert, ...(ca !== undefined && { ca, requestCert: true, rejectUnauthorized: true }) }
}
