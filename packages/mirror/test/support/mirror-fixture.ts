import { Agent, request, type Dispatcher } from 'undici'
import { systemClock, type ContentFetcher } from '@layermesh/interface'
import { createMirror, type Mirror, type MirrorDeps, type MirrorInit } from '@layermesh/mirror'
import { CountingMetrics } from './counting-metrics.ts'
import { RecordingLog } from './recording-log.ts'
import { ScriptedContent } from './scripted-content.ts'
import { ScriptedLists } from './scripted-lists.ts'

/** A reply with all its bytes. */
export interface Reply {
  readonly status: number
  readonly headers: Dispatcher.ResponseData['headers']
  readonly body: Buffer
}

/** A mirror on a port of its own with scripted content, and a client that keeps its connections. */
export interface MirrorFixture extends AsyncDisposable {
  readonly mirror: Mirror
  readonly port: number
  readonly content: ScriptedContent
  readonly lists: ScriptedLists
  readonly log: RecordingLog
  readonly metrics: CountingMetrics
  get(path: string, headers?: Record<string, string>): Promise<Reply>
  head(path: string, headers?: Record<string, string>): Promise<Reply>
  send(method: Dispatcher.HttpMethod, path: string, body?: string): Promise<Reply>
}

/** Starts a mirror of docker.io, the default, quay.io and reg.example.com:5000. */
export async function startMirror(
  overrides: Partial<MirrorInit> & Pick<Partial<MirrorDeps>, 'clock'> & { content?: ContentFetcher } = {},
): Promise<MirrorFixture> {
  const scripted = new ScriptedContent()
  const lists = new ScriptedLists()
  const log = new RecordingLog()
  const metrics = new CountingMetrics()
  const { clock = systemClock, content = scripted, ...init } = overrides
  const mirror = createMirror(
    { content, lists, log, metrics, clock },
    {
      listen: [{ host: '127.0.0.1', port: 0 }],
      upstreams: [
        { host: 'docker.io', aliases: ['hub'] },
        { host: 'quay.io', aliases: [] },
        { host: 'reg.example.com:5000', aliases: ['internal'] },
      ],
      defaultUpstream: 'docker.io',
      ...init,
    },
  )
  await mirror.start()
  const [address = ''] = mirror.addresses()
  const dispatcher = new Agent()

  async function exchange(
    method: Dispatcher.HttpMethod,
    path: string,
    options: { headers?: Record<string, string>; body?: string } = {},
  ): Promise<Reply> {
    const reply = await request(`http://${address}${path}`, { dispatcher, method, ...options })
    const body = Buffer.from(await reply.body.arrayBuffer())
    return { status: reply.statusCode, headers: reply.headers, body }
  }

  return {
    mirror,
    port: Number(address.slice(address.lastIndexOf(':') + 1)),
    content: scripted,
    lists,
    log,
    metrics,
    get: (path, headers = {}) => exchange('GET', path, { headers }),
    head: (path, headers = {}) => exchange('HEAD', path, { headers }),
    send: (method, path, body) => exchange(method, path, body === undefined ? {} : { body }),
    async [Symbol.asyncDispose]() {
      await dispatcher.destroy()
      await mirror.stop()
    },
  }
}
