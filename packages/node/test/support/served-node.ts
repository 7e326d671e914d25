import { connect } from 'node:net'
import { join } from 'node:path'

import { silentLog } from '@layermesh/interface'
import {
  createTempDir,
  type Fault,
  type OriginOptions,
  type OriginRegistry,
  type ScriptedFault,
  startOrigin,
} from '@layermesh/testkit'
import { type Dispatcher, request } from 'undici'

import { type RunningNode, startNode } from '../../src/index.ts'
import { testConfig } from './test-config.ts'

/** A reply with all its bytes. */
export interface Reply {
  readonly status: number
  readonly headers: Dispatcher.ResponseData['headers']
  readonly body: Buffer
}

/** Headers of a request; several values of one are several lines. */
export type Headers = Record<string, string | string[]>

/** A node in front of an origin of its own. Disposing of it stops both. */
export interface ServedNode extends AsyncDisposable {
  readonly node: RunningNode
  readonly origin: OriginRegistry
  get(path: string, headers?: Headers): Promise<Reply>
  head(path: string, headers?: Headers): Promise<Reply>
  /** Makes requests for one repository go wrong until it is disposed of. */
  script(repository: string, match: Fault['match'], action: Fault['action']): ScriptedFault
  /** Asks for a path and yields the error by which the connection ended, undefined for a clean end, and all that came. */
  getRaw(path: string): Promise<{ readonly errorCode: string | undefined; readonly received: string }>
}

/** Starts a node that mirrors one origin by the name `origin.test`; `changes` are settings as `key=value`. */
export async function startServedNode(
  changes: readonly string[] = [],
  options: OriginOptions = {},
): Promise<ServedNode> {
  const stack = new AsyncDisposableStack()
  const temp = stack.use(await createTempDir())
  const origin = stack.use(await startOrigin(options))
  const config = await testConfig(
    { name: 'one', dataDir: join(temp.path, 'data'), originUrl: origin.url },
    changes,
  )
  const node = await startNode(config, silentLog)
  stack.defer(() => node.stop())
  const [address = ''] = node.addresses.mirror

  async function exchange(method: 'GET' | 'HEAD', path: string, headers: Headers = {}): Promise<Reply> {
    const reply = await request(`http://${address}${path}`, { method, headers, reset: true })
    return {
      status: reply.statusCode,
      headers: reply.headers,
      body: Buffer.from(await reply.body.arrayBuffer()),
    }
  }

  return {
    node,
    origin,
    get: (path, headers) => exchange('GET', path, headers),
    head: (path, headers) => exchange('HEAD', path, headers),
    script: (repository, match, action) => origin.script({ match: { repository, ...match }, action }),
    async getRaw(path) {
      const socket = connect({ host: '127.0.0.1', port: Number(address.split(':')[1]) })
      const chunks: Buffer[] = []
      let errorCode: string | undefined
      socket.on('data', (chunk) => chunks.push(chunk))
      socket.on('error', (error: NodeJS.ErrnoException) => {
        errorCode = error.code
      })
      socket.write(`GET ${path} HTTP/1.1\r\nHost: mirror\r\nConnection: close\r\n\r\n`)
      await new Promise((resolve) => socket.once('close', resolve))
      return { errorCode, received: Buffer.concat(chunks).toString('latin1') }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
