import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { silentLog, UpstreamRateLimitedError } from '@layermesh/interface'
import { createMirror } from '@layermesh/mirror'
import { expectNoLeaks, ManualClock, takeResourceSnapshot, type ResourceSnapshot } from '@layermesh/testkit'
import { startMirror } from './support/mirror-fixture.ts'
import { patternBytes } from './support/pattern-bytes.ts'
import { RawClient } from './support/raw-client.ts'
import { CountingMetrics } from './support/counting-metrics.ts'
import { neverAnswers, ScriptedContent } from './support/scripted-content.ts'
import { ScriptedLists } from './support/scripted-lists.ts'

describe('createMirror', () => {
  let before: ResourceSnapshot

  beforeEach(async () => {
    before = await takeResourceSnapshot()
  })

  afterEach(() => expectNoLeaks(before))

  describe('start', () => {
    it('listens on every address, IPv6 in brackets', async () => {
      await using fixture = await startMirror({
        listen: [
          { host: '127.0.0.1', port: 0 },
          { host: '::1', port: 0 },
        ],
      })
      const [first, second] = fixture.mirror.addresses()
      assert.match(String(first), /^127\.0\.0\.1:\d+$/)
      assert.match(String(second), /^\[::1\]:\d+$/)
      for (const address of [first, second]) {
        const reply = await fetch(`http://${String(address)}/v2/`)
        assert.equal(reply.status, 200)
        await reply.body?.cancel()
      }
    })

    it('throws ERR_LISTEN that names the address when the port is taken, and listens nowhere', async () => {
      await using other = createServer().listen(0, '127.0.0.1')
      await once(other, 'listening')
      const { port } = other.address() as AddressInfo
      const mirror = createMirror(
        {
          content: new ScriptedContent(),
          lists: new ScriptedLists(),
          log: silentLog,
          metrics: new CountingMetrics(),
        },
        {
          listen: [
            { host: '127.0.0.1', port: 0 },
            { host: '127.0.0.1', port },
          ],
          upstreams: [{ host: 'docker.io', aliases: [] }],
          defaultUpstream: 'docker.io',
        },
      )
      await assert.rejects(mirror.start(), {
        code: 'ERR_LISTEN',
        message: `mirror.listen: can't listen on 127.0.0.1:${port}: it is in use`,
      })
      assert.deepEqual(mirror.addresses(), [])
    })

    it('throws ERR_LISTEN on one line for an address that this machine does not have', async () => {
      await assert.rejects(startMirror({ listen: [{ host: '192.0.2.1', port: 0 }] }), {
        code: 'ERR_LISTEN',
        message: "mirror.listen: can't listen on 192.0.2.1:0: this machine has no such address",
      })
    })

    it('throws ERR_UPSTREAM_UNKNOWN for a default that is no upstream', async () => {
      await assert.rejects(startMirror({ defaultUpstream: 'ghcr.io' }), { code: 'ERR_UPSTREAM_UNKNOWN' })
    })
  })

  describe('an upstream of its own', () => {
    const upstreams = [
      { host: 'docker.io', aliases: [] },
      { host: 'quay.io', aliases: [], servedAs: ['quay.mirror.local'] },
      { host: 'ghcr.io', aliases: [] },
    ]
    const listen = [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.1', port: 0, upstream: 'ghcr.io' },
    ]

    async function upstreamAsked(
      address: string | undefined,
      headerLines: string[],
      path = '/v2/a/b/manifests/c',
    ) {
      await using fixture = await startMirror({ upstreams, listen })
      const [first, second] = fixture.mirror.addresses()
      using client = await RawClient.connect(Number((address === 'own' ? second : first)?.split(':')[1]))
      client.socket.write(`GET ${path} HTTP/1.1\r\n${headerLines.join('\r\n')}\r\nConnection: close\r\n\r\n`)
      await client.whenClosed()
      return fixture.content.calls.map(({ ref }) => ref.upstream)
    }

    it('is what an address is for, also when two addresses differ by their port only', async () => {
      assert.deepEqual(await upstreamAsked('own', ['Host: 127.0.0.1:5000']), ['ghcr.io'])
      assert.deepEqual(await upstreamAsked('other', ['Host: 127.0.0.1:5000']), ['docker.io'])
    })

    it('is what Host names, whatever the address', async () => {
      assert.deepEqual(await upstreamAsked('own', ['Host: quay.mirror.local:5000']), ['quay.io'])
      assert.deepEqual(await upstreamAsked('other', ['host: QUAY.mirror.local']), ['quay.io'])
    })

    it('gives way to ns and to a prefix', async () => {
      const host = ['Host: quay.mirror.local']
      assert.deepEqual(await upstreamAsked('own', host, '/v2/a/manifests/c?ns=docker.io'), ['docker.io'])
      assert.deepEqual(await upstreamAsked('own', host, '/v2/docker.io/a/manifests/c'), ['docker.io'])
    })
  })

  it('asks any public registry when it may, and no other', async () => {
    await using fixture = await startMirror({ allowOthers: true })
    await fixture.get('/v2/a/manifests/b?ns=registry.example')
    assert.equal((await fixture.get('/v2/a/manifests/b?ns=169.254.169.254')).status, 404)
    assert.equal((await fixture.get('/v2/a/manifests/b?ns=localhost:2375')).status, 404)
    assert.equal((await fixture.get('/v2/a/manifests/b?ns=registry.example:8443')).status, 404)
    assert.deepEqual(
      fixture.content.calls.map(({ ref }) => ref.upstream),
      ['registry.example'],
    )
  })

  it('hides that a registry limits our requests when it shall', async () => {
    await using fixture = await startMirror({ hideRateLimits: true })
    fixture.content.failure = new UpstreamRateLimitedError('no', 5000)
    const { status, headers } = await fixture.get('/v2/a/b/manifests/c')
    assert.deepEqual([status, headers['retry-after']], [404, undefined])
  })

  describe('stop', () => {
    it('lets a running reply end, closes its connection and takes no other', async () => {
      await using fixture = await startMirror()
      const bytes = patternBytes(1024 * 1024)
      const path = `/v2/a/b/blobs/${fixture.content.addBlob(bytes)}`
      const reading: PromiseWithResolvers<void> = Promise.withResolvers()
      const goOn: PromiseWithResolvers<void> = Promise.withResolvers()
      fixture.content.onRead = async (offset) => {
        if (offset === 0) return
        reading.resolve()
        await goOn.promise
      }
      using client = await RawClient.connect(fixture.port)
      client.request('GET', path)
      await reading.promise
      const stopped = fixture.mirror.stop()
      assert.deepEqual(fixture.mirror.addresses(), [])
      await assert.rejects(RawClient.connect(fixture.port), { code: 'ECONNREFUSED' })
      goOn.resolve()
      await stopped
      assert.equal(await client.whenClosed(), undefined)
      assert.ok(Buffer.from(client.received, 'latin1').subarray(-bytes.byteLength).equals(bytes))
      assert.equal(fixture.content.openHandles, 0)
    })

    it('closes connections that are idle or have not said anything', async () => {
      await using fixture = await startMirror()
      using silent = await RawClient.connect(fixture.port)
      using idle = await RawClient.connect(fixture.port)
      idle.request('GET', '/v2/')
      await idle.whenReceived(/\{\}$/)
      await fixture.mirror.stop()
      await silent.whenClosed()
      await idle.whenClosed()
    })

    it('cuts replies that have not ended when the drain time is over', async () => {
      const clock = new ManualClock()
      await using fixture = await startMirror({ clock, drainTimeoutMs: 10_000 })
      const path = `/v2/a/b/blobs/${fixture.content.addBlob(patternBytes(1024 * 1024))}`
      const reading: PromiseWithResolvers<void> = Promise.withResolvers()
      fixture.content.onRead = async (offset, signal) => {
        if (offset === 0) return
        reading.resolve()
        await neverAnswers(offset, signal)
      }
      using client = await RawClient.connect(fixture.port)
      client.request('GET', path)
      await reading.promise
      const stopped = fixture.mirror.stop()
      clock.advance(9_999)
      assert.equal(fixture.content.openHandles, 1)
      clock.advance(1)
      await stopped
      await client.whenClosed()
      assert.equal(fixture.content.openHandles, 0)
      assert.ok(client.received.length < 1024 * 1024)
      const { level, fields } = await fixture.log.whenLogged('connections cut at the end of the drain')
      assert.equal(level, 'warn')
      assert.deepEqual(fields, { connections: 1 })
    })

    it('does nothing the second time, and before start', async () => {
      const fixture = await startMirror()
      await Promise.all([fixture.mirror.stop(), fixture.mirror.stop()])
      await fixture[Symbol.asyncDispose]()
    })
  })
})
