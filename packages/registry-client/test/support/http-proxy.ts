import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

/** An HTTP proxy that leads every host to this machine, and remembers whom it was asked for. */
export interface HttpProxy extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  /** `CONNECT host:port` for tunnels, else method and URL, in the order of arrival. */
  readonly asked: readonly string[]
  /** What came as `Proxy-Authorization` with each. */
  readonly logins: readonly (string | undefined)[]
}

/** Starts a proxy on 127.0.0.1. Its tunnels lead to `tunnelPort`, if there is one, and else to the port that is asked for. */
export async function startHttpProxy({ tunnelPort }: { tunnelPort?: number } = {}): Promise<HttpProxy> {
  const asked: string[] = []
  const logins: (string | undefined)[] = []
  const sockets = new Set<Socket>()
  const server = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`)
    logins.push(incoming.headers['proxy-authorization'])
    forward(incoming, response)
  })
  server.on('connection', (socket) => sockets.add(socket))
  server.on('connect', (incoming, client: Socket) => {
    asked.push(`CONNECT ${incoming.url}`)
    logins.push(incoming.headers['proxy-authorization'])
    const target = connect(tunnelPort ?? Number(incoming.url?.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      target.pipe(client).pipe(target)
    })
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    logins,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function forward(incoming: IncomingMessage, response: ServerResponse): void {
  const { port, pathname, search } = new URL(incoming.url ?? '')
  const options = { host: '127.0.0.1', port, path: pathname + search, method: incoming.method }
  request({ ...options, headers: incoming.headers }, (reply) => {
    response.writeHead(reply.statusCode ?? 502, reply.headers)
    reply.pipe(response)
  }).end()
}
