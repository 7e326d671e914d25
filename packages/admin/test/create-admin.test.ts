import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import {
  ListenError,
  silentLog,
  type Log,
  type LogMethod,
  type NodeStatus,
  type PeerStatus,
} from '@layermesh/interface'
import { scriptedCacheControl } from '@layermesh/testkit'
import { request } from 'undici'
import { createAdmin, type Admin, type AdminDeps } from '../src/index.ts'

const STATUS: NodeStatus = {
  node: {
    name: 'edge-7',
    peerId: '12D3KooW',
    version: '0.1.0',
    region: 'eu-1',
    site: 'paris-3',
    startedAt: '2026-01-01T00:00:00.000Z',
    uptimeSeconds: 60,
  },
  mirror: { listen: ['127.0.0.1:5000'] },
  mesh: { listen: ['/ip4/127.0.0.1/tcp/4001'], members: 1, authenticated: true },
  cache: { blobs: 1, bytes: 2, fills: 0 },
  bytes: {
    served: { cache: 1, site: 2, region: 3, world: 4, upstream: 5 },
    fetched: { site: 1, region: 2, world: 3, upstream: 4 },
    sent: { site: 1, region: 2, world: 3 },
  },
}

const PEER: PeerStatus = {
  name: 'edge-8',
  peerId: '12D3KooX',
  version: '0.1.0',
  region: 'eu-1',
  site: 'paris-3',
  link: 'site',
  roundTripMs: null,
  holds: { blobs: 0, bytes: 0 },
  addresses: [],
}

const DEPS: AdminDeps = {
  log: silentLog,
  cache: scriptedCacheControl(),
  metricsText: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'x_total 1\n' }),
  status: async () => STATUS,
  peers: async () => [PEER],
  readiness: () => ({ mirror: true, mesh: true }),
}

const LISTEN = { host: '127.0.0.1', port: 0 }
const INIT = { listen: LISTEN, token: 'a-token-of-16-letters' }

interface Call {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'DELETE'
  readonly host?: string
}

describe('createAdmin', () => {
  const started: Admin[] = []

  async function start(deps: Partial<AdminDeps> = {}): Promise<Admin> {
    const admin = createAdmin({ ...DEPS, ...deps }, INIT)
    started.push(admin)
    await admin.start()
    return admin
  }

  async function call(admin: Admin, path: string, { method = 'GET', host = admin.address() }: Call = {}) {
    const { statusCode, headers, body } = await request(`http://${admin.address()}${path}`, {
      method,
      headers: { host },
    })
    return { status: statusCode, headers, text: await body.text() }
  }

  afterEach(async () => {
    for (const admin of started.splice(0)) await admin.stop()
  })

  describe('GET /healthz', () => {
    it('answers 200 as long as the process can answer', async () => {
      const { status, text } = await call(await start({ readiness: () => ({ mesh: false }) }), '/healthz')
      assert.deepEqual([status, JSON.parse(text)], [200, { healthy: true }])
    })
  })

  describe('GET /readyz', () => {
    it('answers 200 when all parts are ready', async () => {
      const { status, text } = await call(await start(), '/readyz')
      assert.deepEqual(
        [status, JSON.parse(text)],
        [200, { ready: true, parts: { mirror: true, mesh: true } }],
      )
    })

    it('answers 503 and says which part is not ready', async () => {
      const admin = await start({ readiness: () => ({ mirror: true, mesh: false }) })
      const { status, text } = await call(admin, '/readyz')
      assert.deepEqual(
        [status, JSON.parse(text)],
        [503, { ready: false, parts: { mirror: true, mesh: false } }],
      )
    })
  })

  describe('GET /metrics', () => {
    it('answers the text with its content type', async () => {
      const { status, headers, text } = await call(await start(), '/metrics')
      assert.deepEqual([status, text], [200, 'x_total 1\n'])
      assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
    })
  })

  describe('GET /api/v1', () => {
    it('answers the status, which no cache keeps', async () => {
      const { status, headers, text } = await call(await start(), '/api/v1/status')
      assert.deepEqual([status, JSON.parse(text)], [200, STATUS])
      assert.equal(headers['cache-control'], 'no-store')
    })

    it('answers the peers', async () => {
      const { status, text } = await call(await start(), '/api/v1/peers')
      assert.deepEqual([status, JSON.parse(text)], [200, [PEER]])
    })

    it('answers 500 without the cause, which it logs', async () => {
      const logged: unknown[] = []
      const error: LogMethod = ({ err, path }) => void logged.push([(err as Error).message, path])
      const log: Log = { ...silentLog, error }
      const admin = await start({ log, status: () => Promise.reject(new Error('the disk is on fire')) })
      const { status, text } = await call(admin, '/api/v1/status')
      assert.equal(status, 500)
      assert.doesNotMatch(text, /fire/)
      assert.deepEqual(logged, [['the disk is on fire', '/api/v1/status']])
    })
  })

  describe('other requests', () => {
    it('answers HEAD as GET, without the body', async () => {
      const { status, text } = await call(await start(), '/readyz', { method: 'HEAD' })
      assert.deepEqual([status, text], [200, ''])
    })

    it('answers 404 in JSON for an unknown path, whatever the method', async () => {
      const admin = await start()
      for (const method of ['GET', 'POST'] as const) {
        const { status, text } = await call(admin, '/api/v2/status', { method })
        assert.deepEqual([status, JSON.parse(text)], [404, { error: 'there is nothing here' }])
      }
    })

    it('answers 405 with the allowed methods for a known path', async () => {
      const admin = await start()
      for (const method of ['POST', 'DELETE'] as const) {
        const { status, headers, text } = await call(admin, '/api/v1/status?x=1', { method })
        assert.equal(status, 405)
        assert.equal(headers['allow'], 'GET, HEAD')
        assert.deepEqual(JSON.parse(text), { error: `${method} is not possible here, but GET, HEAD` })
      }
    })

    it('answers 403 for a name that a browser was made to believe is this machine', async () => {
      const { status } = await call(await start(), '/api/v1/status', { host: 'evil.example.com' })
      assert.equal(status, 403)
    })
  })

  describe('start', () => {
    it('throws ERR_LISTEN in one line when the port is taken', async () => {
      const other = createServer().listen(LISTEN)
      await once(other, 'listening')
      const { port } = other.address() as AddressInfo
      const admin = createAdmin(DEPS, { ...INIT, listen: { ...LISTEN, port } })
      await assert.rejects(admin.start(), (error) => {
        assert.ok(error instanceof ListenError)
        assert.equal(error.message, `admin.listen: can't listen on 127.0.0.1:${port}: it is in use`)
        return true
      })
      await admin.stop()
      other.close()
    })

    it('throws ERR_LISTEN when the address is not one of this machine', async () => {
      // 192.0.2.0/24 is for documentation (RFC 5737).
      const admin = createAdmin(DEPS, { ...INIT, listen: { host: '192.0.2.1', port: 0 } })
      await assert.rejects(admin.start(), {
        code: 'ERR_LISTEN',
        message: /this machine has no such address$/,
      })
      await admin.stop()
    })
  })

  describe('stop', () => {
    it('can be called again, and before start', async () => {
      const admin = await start()
      await admin.stop()
      await admin.stop()
      await createAdmin(DEPS, INIT).stop()
    })

    it('does not wait for clients that keep their connection open', async () => {
      const admin = await start()
      const url = `http://${admin.address()}/healthz`
      await call(admin, '/healthz')
      await admin.stop()
      await assert.rejects(request(url), { code: 'ECONNREFUSED' })
    })
  })
})
