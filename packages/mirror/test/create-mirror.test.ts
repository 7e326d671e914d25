import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { silentLog } from '@layermesh/interface'
import { createMirror } from '@layermesh/mirror'
import { expectNoLeaks, ManualClock, takeResourceSnapshot, type ResourceSnapshot } from '@layermesh/testkit'
import { startMirror } from './support/mirror-fixture.ts'
import { patternBytes } from './support/pattern-bytes.ts'
import { RawClient } from './support/raw-client.ts'
import { CountingMetrics } from './support/counting-metrics.ts'
import { neverAnswers, ScriptedContent } from './support/scripted-content.ts'

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
        { content: new ScriptedContent(), log: silentLog, metrics: new CountingMetrics() },
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
