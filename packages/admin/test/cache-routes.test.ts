import assert from 'node:assert/strict'
import {
  DigestInvalidError,
  NameInvalidError,
  silentLog,
  TagInvalidError,
  UpstreamUnknownError,
  type CacheControl,
  type ImageStatus,
  type Log,
  type PinStatus,
  type PurgeReport,
  type VerifyProgress,
} from '@layermesh/interface'
import { scriptedCacheControl, type ScriptedCacheControl } from '@layermesh/testkit'
import { request, type Dispatcher } from 'undici'
import { createAdmin, type Admin } from '../src/index.ts'

const TOKEN = 'a-token-of-16-letters'

const IMAGE: ImageStatus = {
  upstream: 'docker.io',
  repository: 'library/nginx',
  tags: ['1.27'],
  digest: 'sha256:0123',
  mediaType: 'application/vnd.oci.image.index.v1+json',
  platforms: ['linux/amd64'],
  sizeBytes: 3,
  ownBytes: 2,
  complete: true,
  pinned: true,
  lastUsedAt: '2026-01-01T00:00:00.000Z',
  holders: { site: 1, region: 0, world: 0 },
}

const PIN: PinStatus = {
  image: 'docker.io/library/nginx:1.27',
  pinnedAt: '2026-01-01T00:00:00.000Z',
  digest: 'sha256:0123',
  blobs: 3,
  bytes: 4,
}

const REPORT: PurgeReport = {
  dryRun: false,
  images: ['docker.io/library/nginx:1.27'],
  blobs: 3,
  bytes: 4,
  kept: { pinnedImages: [], sharedBlobs: 1, sharedBytes: 2 },
}

function progress(blobs: number): VerifyProgress {
  return { done: blobs === 2, blobs, bytes: blobs, totalBlobs: 2, totalBytes: 2, damaged: [] }
}

interface Call {
  readonly method: Dispatcher.HttpMethod
  readonly path: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const CHANGES: readonly Call[] = [
  { method: 'PUT', path: '/api/v1/pins', body: { image: 'nginx' } },
  { method: 'DELETE', path: '/api/v1/pins?image=nginx' },
  { method: 'POST', path: '/api/v1/purge', body: { select: { all: true }, dryRun: true } },
  { method: 'POST', path: '/api/v1/verify', body: { select: { all: true } } },
]

describe('addCacheRoutes', () => {
  const started: Admin[] = []
  let cache: ScriptedCacheControl
  let logged: string[]

  async function start(answers: Partial<CacheControl> = {}): Promise<Admin> {
    cache = scriptedCacheControl(answers)
    logged = []
    const log: Log = { ...silentLog, error: ({ err }, message) => logged.push(`${message}: ${String(err)}`) }
    const admin = createAdmin(
      {
        log,
        cache,
        metricsText: () => Promise.reject(new Error('not asked for')),
        status: () => Promise.reject(new Error('not asked for')),
        peers: () => Promise.reject(new Error('not asked for')),
        readiness: () => ({}),
      },
      { listen: { host: '127.0.0.1', port: 0 }, token: TOKEN },
    )
    started.push(admin)
    await admin.start()
    return admin
  }

  function open(admin: Admin, { method, path, body, headers }: Call, signal?: AbortSignal) {
    const json = body === undefined ? {} : { 'content-type': 'application/json' }
    return request(`http://${admin.address()}${path}`, {
      method,
      headers: { ...json, authorization: `Bearer ${TOKEN}`, ...headers },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
      signal: signal ?? null,
      reset: true,
    })
  }

  async function call(admin: Admin, call: Call) {
    const { statusCode, headers, body } = await open(admin, call)
    const text = await body.text()
    return { status: statusCode, headers, text, json: () => JSON.parse(text) as unknown }
  }

  afterEach(async () => {
    for (const admin of started.splice(0)) await admin.stop()
  })

  it('tells images and pins to whoever can reach it', async () => {
    const admin = await start({ images: async () => [IMAGE], pins: async () => [PIN] })
    for (const [path, answer] of [
      ['/api/v1/images', [IMAGE]],
      ['/api/v1/pins', [PIN]],
    ] as const) {
      const { status, json } = await call(admin, { method: 'GET', path, headers: { authorization: '' } })
      assert.deepEqual([status, json()], [200, answer])
    }
  })

  it('pins an image', async () => {
    const admin = await start({ pin: async () => PIN })
    const { status, json } = await call(admin, CHANGES[0]!)
    assert.deepEqual([status, json()], [200, PIN])
    assert.deepEqual(cache.calls, [['pin', 'nginx']])
  })

  it('unpins the image that the query names', async () => {
    const admin = await start({ unpin: async () => PIN })
    const image = 'docker.io/library/nginx@sha256:0123'
    const path = `/api/v1/pins?image=${encodeURIComponent(image)}`
    const { status, json } = await call(admin, { method: 'DELETE', path })
    assert.deepEqual([status, json()], [200, PIN])
    assert.deepEqual(cache.calls, [['unpin', image]])
  })

  it('answers 404 when the image to unpin was not pinned', async () => {
    const { status, json } = await call(await start(), CHANGES[1]!)
    assert.deepEqual([status, json()], [404, { error: '"nginx" is not pinned' }])
  })

  for (const select of [
    { image: 'nginx' },
    { repository: 'nginx' },
    { upstream: 'docker.io' },
    { unusedForMs: 0 },
    { all: true },
  ]) {
    it(`purges ${JSON.stringify(select)}, or says what that would free`, async () => {
      const admin = await start({ purge: async (_select, { dryRun }) => ({ ...REPORT, dryRun }) })
      for (const dryRun of [true, false]) {
        const body = { select, dryRun }
        const { status, json } = await call(admin, { method: 'POST', path: '/api/v1/purge', body })
        assert.deepEqual([status, json()], [200, { ...REPORT, dryRun }])
        assert.deepEqual(cache.calls.at(-1), ['purge', select, { dryRun }])
      }
    })
  }

  describe('a request without the token', () => {
    for (const change of CHANGES) {
      const what = `${change.method} ${change.path}`

      it(`is refused with 401 for ${what}, and reaches nothing`, async () => {
        const admin = await start()
        const { status, headers, json } = await call(admin, { ...change, headers: { authorization: '' } })
        assert.deepEqual([status, json()], [401, { error: 'this needs the admin token' }])
        assert.equal(headers['www-authenticate'], 'Bearer realm="layermesh"')
        assert.deepEqual(cache.calls, [])
      })

      it(`is refused with 401 for ${what} when it has another one`, async () => {
        const admin = await start()
        const authorization = `Bearer ${TOKEN}x`
        const { status, headers, json } = await call(admin, { ...change, headers: { authorization } })
        assert.deepEqual([status, json()], [401, { error: 'this is not the admin token' }])
        assert.match(String(headers['www-authenticate']), /^Bearer .*error="invalid_token"$/)
        assert.deepEqual(cache.calls, [])
      })
    }

    it('is refused before its body is looked at', async () => {
      const body = 'x'.repeat(100_000)
      const { status } = await call(await start(), { ...CHANGES[0]!, body, headers: { authorization: '' } })
      assert.equal(status, 401)
    })
  })

  describe('a request that is not as it has to be', () => {
    const purge = (body: unknown): Call => ({ method: 'POST', path: '/api/v1/purge', body })
    const cases: readonly (readonly [what: string, Call, status: number, message: RegExp])[] = [
      ['no body', { method: 'PUT', path: '/api/v1/pins' }, 400, /body must be object/],
      ['no image', { method: 'PUT', path: '/api/v1/pins', body: {} }, 400, /required property 'image'/],
      ['an image that is no text', { ...CHANGES[0]!, body: { image: 1 } }, 400, /body\/image must be string/],
      ['an unknown member', { ...CHANGES[0]!, body: { image: 'x', tag: 'y' } }, 400, /has no member "tag"/],
      ['no query', { method: 'DELETE', path: '/api/v1/pins' }, 400, /querystring must have .* 'image'/],
      ['two images', { method: 'DELETE', path: '/api/v1/pins?image=a&image=b' }, 400, /must be string/],
      ['no dryRun', purge({ select: { all: true } }), 400, /required property 'dryRun'/],
      ['an empty selection', purge({ select: {}, dryRun: true }), 400, /NOT have fewer than 1/],
      [
        'two selections',
        purge({ select: { all: true, image: 'x' }, dryRun: true }),
        400,
        /NOT have more than 1/,
      ],
      ['all: false', purge({ select: { all: false }, dryRun: true }), 400, /select\/all must be equal/],
      ['a negative time', purge({ select: { unusedForMs: -1 }, dryRun: true }), 400, /must be >= 0/],
      ['broken JSON', purge('{'), 400, /JSON/],
      ['a prototype', purge('{"__proto__":{}}'), 400, /./],
      [
        'another kind of body',
        { ...purge('{}'), headers: { 'content-type': 'text/html' } },
        415,
        /Media Type/,
      ],
      ['too much', purge({ select: { image: 'x'.repeat(65_536) }, dryRun: true }), 413, /too large/],
    ]
    for (const [what, bad, status, message] of cases) {
      it(`is refused with ${status} and one line for ${what}`, async () => {
        const reply = await call(await start(), bad)
        const { error } = reply.json() as { readonly error: string }
        assert.equal(reply.status, status, error)
        assert.match(error, /^[^\n]+$/)
        assert.match(error, message)
        assert.deepEqual(cache.calls, [])
        assert.deepEqual(logged, [])
      })
    }
  })

  describe('what the cache refuses', () => {
    const fail = (error: Error): Partial<CacheControl> => ({
      pin: () => Promise.reject(error),
      unpin: () => Promise.reject(error),
      purge: () => Promise.reject(error),
      // eslint-disable-next-line require-yield
      async *verify() {
        throw error
      },
    })

    for (const change of CHANGES) {
      const what = `${change.method} ${change.path}`

      it(`is answered with 400 and its message for ${what}`, async () => {
        for (const Mistake of [NameInvalidError, TagInvalidError, DigestInvalidError, UpstreamUnknownError]) {
          const admin = await start(fail(new Mistake('"X" is not right')))
          const { status, headers, json } = await call(admin, change)
          assert.deepEqual([status, json()], [400, { error: '"X" is not right' }])
          assert.match(String(headers['content-type']), /^application\/json/)
          assert.deepEqual(logged, [])
        }
      })

      it(`is answered with 500 and logged for ${what} when it is no mistake of the request`, async () => {
        const { status, json } = await call(await start(fail(new Error('the disk is on fire'))), change)
        assert.deepEqual([status, json()], [500, { error: 'the reply could not be made; the log says why' }])
        assert.deepEqual(logged, ['admin request failed: Error: the disk is on fire'])
      })
    }
  })

  describe('a method that a path does not have', () => {
    const cases: readonly (readonly [method: Dispatcher.HttpMethod, path: string, allow: string])[] = [
      ['POST', '/api/v1/images', 'GET, HEAD'],
      ['POST', '/api/v1/pins', 'GET, HEAD, PUT, DELETE'],
      ['PATCH', '/api/v1/pins?image=x', 'GET, HEAD, PUT, DELETE'],
      ['GET', '/api/v1/purge', 'POST'],
      ['DELETE', '/api/v1/verify', 'POST'],
    ]
    for (const [method, path, allow] of cases) {
      it(`is refused with 405 for ${method} ${path}`, async () => {
        const { status, headers } = await call(await start(), { method, path })
        assert.deepEqual([status, headers['allow']], [405, allow])
        assert.deepEqual(cache.calls, [])
      })
    }
  })

  describe('a verification', () => {
    const verify: Call = { method: 'POST', path: '/api/v1/verify', body: { select: { image: 'nginx' } } }

    it('is told as newline-delimited JSON while it runs', async () => {
      const next = Promise.withResolvers<undefined>()
      const admin = await start({
        async *verify() {
          yield progress(0)
          await next.promise
          yield progress(2)
        },
      })
      const { statusCode, headers, body } = await open(admin, verify)
      assert.deepEqual([statusCode, headers['content-type']], [200, 'application/x-ndjson'])
      const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>
      const first = await chunks.next()
      assert.equal(String(first.value), `${JSON.stringify(progress(0))}\n`)
      next.resolve(undefined)
      const second = await chunks.next()
      assert.equal(String(second.value), `${JSON.stringify(progress(2))}\n`)
      assert.equal((await chunks.next()).done, true)
      assert.deepEqual(cache.calls, [['verify', { image: 'nginx' }]])
    })

    /** A verification that yields `steps` and then waits until it is aborted. */
    function endless(steps: readonly VerifyProgress[]) {
      const begun = Promise.withResolvers<undefined>()
      const aborted = Promise.withResolvers<unknown>()
      const answers: Partial<CacheControl> = {
        async *verify(_selection, { signal }) {
          yield* steps
          begun.resolve(undefined)
          await new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              reject(signal.reason as Error)
              aborted.resolve(signal.reason)
            })
          })
        },
      }
      return { answers, begun: begun.promise, aborted: aborted.promise }
    }

    for (const [when, steps] of [
      ['before the first line', []],
      ['in the middle', [progress(0)]],
    ] as const) {
      it(`is aborted when the client goes away ${when}, which is no failure`, async () => {
        const { answers, begun, aborted } = endless(steps)
        const admin = await start(answers)
        const client = new AbortController()
        const reply = open(admin, verify, client.signal).then(({ body }) => body.text())
        await begun
        client.abort()
        await assert.rejects(reply, { name: 'AbortError' })
        assert.equal(((await aborted) as Error).name, 'AbortError')
        // Stopping waits for what is under way, so that nothing can be logged later.
        await admin.stop()
        assert.deepEqual(logged, [])
      })
    }

    it('is aborted when the endpoint stops', async () => {
      const { answers, begun, aborted } = endless([progress(0)])
      const admin = await start(answers)
      const reply = open(admin, verify).then(({ body }) => body.text())
      const broken = assert.rejects(reply)
      await begun
      await admin.stop()
      await Promise.all([aborted, broken])
      assert.deepEqual(logged, [])
    })

    it('breaks the reply off and logs why when it fails in the middle', async () => {
      const admin = await start({
        async *verify() {
          yield progress(0)
          throw new Error('the disk is on fire')
        },
      })
      const reply = open(admin, verify).then(({ body }) => body.text())
      await assert.rejects(reply, (error: Error) => {
        assert.notEqual(error.name, 'AssertionError')
        return true
      })
      assert.deepEqual(logged, ['verification broke off: Error: the disk is on fire'])
    })
  })
})
