import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect as connectTcp } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import {
  createTempDir,
  expectNoLeaks,
  ManualClock,
  selfSigned,
  takeResourceSnapshot,
  until,
  type ResourceSnapshot,
  type ServerIdentity,
  type TempDir,
} from '@layermesh/testkit'
import { ContentUnavailableError } from '@layermesh/interface'
import { IDENTITY_CHECK_MS } from '../src/tls-identity.ts'
import { startMirror, type MirrorFixture } from './support/mirror-fixture.ts'
import { patternBytes } from './support/pattern-bytes.ts'
import { RawClient } from './support/raw-client.ts'

const HOST = '127.0.0.1'

describe('TLS', () => {
  let opened: ResourceSnapshot
  let first: ServerIdentity
  let second: ServerIdentity
  let dir: TempDir
  let files: { certFile: string; keyFile: string }
  let clock: ManualClock
  let fixture: MirrorFixture

  before(async function () {
    const made = [await selfSigned(HOST), await selfSigned(HOST)]
    if (made[0] === undefined || made[1] === undefined) {
      // There is no openssl to make a certificate with.
      this.skip()
    }
    first = made[0]
    second = made[1]
  })

  beforeEach(async () => {
    opened = await takeResourceSnapshot()
    dir = await createTempDir()
    files = { certFile: join(dir.path, 'cert.pem'), keyFile: join(dir.path, 'key.pem') }
    await write(first)
    clock = new ManualClock()
    fixture = await startMirror({ clock, tls: files, listen: [{ host: HOST, port: 0, isTls: true }] })
  })

  afterEach(async () => {
    await fixture[Symbol.asyncDispose]()
    await dir[Symbol.asyncDispose]()
    await expectNoLeaks(opened)
  })

  async function write({ cert, key }: ServerIdentity): Promise<void> {
    await writeFile(files.certFile, cert)
    await writeFile(files.keyFile, key)
  }

  async function connectTo({ cert }: ServerIdentity, port = fixture.port): Promise<TLSSocket> {
    const socket = connect({ host: HOST, port, ca: cert })
    await once(socket, 'secureConnect')
    return socket
  }

  async function get(socket: TLSSocket, path: string): Promise<string> {
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', () => {})
    const closed = once(socket, 'close')
    socket.write(`GET ${path} HTTP/1.1\r\nHost: mirror\r\nConnection: close\r\n\r\n`)
    await closed
    return Buffer.concat(chunks).toString('latin1')
  }

  it('serves what it serves without', async () => {
    const bytes = patternBytes(300_000)
    const path = `/v2/a/b/blobs/${fixture.content.addBlob(bytes)}`
    const received = await get(await connectTo(first), path)
    assert.match(received, /^HTTP\/1.1 200 /)
    assert.ok(Buffer.from(received, 'latin1').subarray(-bytes.byteLength).equals(bytes))
  })

  it('breaks a reply off that no source can go on with', async () => {
    fixture.content.onRead = async (offset) => {
      if (offset > 0) throw new ContentUnavailableError('every source failed')
    }
    const path = `/v2/a/b/blobs/${fixture.content.addBlob(patternBytes(300_000))}`
    const received = await get(await connectTo(first), path)
    assert.ok(received.length < 300_000, String(received.length))
  })

  it('takes a new certificate once its files have changed, and keeps connections', async () => {
    const kept = await connectTo(first)
    await write(second)
    clock.advance(IDENTITY_CHECK_MS)
    await fixture.log.whenLogged('certificate replaced')
    assert.match(await get(await connectTo(second), '/v2/'), /^HTTP\/1.1 200 /)
    await assert.rejects(connectTo(first), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    assert.match(await get(kept, '/v2/'), /^HTTP\/1.1 200 /)
  })

  it('keeps the certificate while the files are no pair, and says so once', async () => {
    await writeFile(files.keyFile, second.key)
    clock.advance(IDENTITY_CHECK_MS)
    const { level, fields } = await fixture.log.whenLogged('certificate not replaced')
    assert.equal(level, 'error')
    assert.equal((fields['err'] as { code?: string }).code, 'ERR_CONFIG_INVALID')
    assert.match(await get(await connectTo(first), '/v2/'), /^HTTP\/1.1 200 /)
    await writeFile(files.certFile, second.cert)
    await until(async () => clock.pendingTimers > 0)
    clock.advance(IDENTITY_CHECK_MS)
    await fixture.log.whenLogged('certificate replaced')
    assert.equal(fixture.log.lines.filter(({ message }) => message === 'certificate not replaced').length, 1)
    assert.match(await get(await connectTo(second), '/v2/'), /^HTTP\/1.1 200 /)
  })

  it('closes handshakes that are under way, and idle connections, when it stops', async () => {
    const silent = connectTcp({ host: HOST, port: fixture.port })
    await once(silent, 'connect')
    const idle = await connectTo(first)
    idle.resume()
    const closed = [once(silent, 'close'), once(idle, 'close')]
    silent.resume()
    await fixture.mirror.stop()
    await Promise.all(closed)
  })

  it('survives a client that speaks no TLS', async () => {
    using client = await RawClient.connect(fixture.port)
    client.request('GET', '/v2/')
    await client.whenClosed()
    await fixture.log.whenLogged('TLS handshake failed')
    assert.match(await get(await connectTo(first), '/v2/'), /^HTTP\/1.1 200 /)
  })

  it('refuses to start with a file that is missing, in one line', async () => {
    const certFile = join(dir.path, 'none')
    await assert.rejects(
      startMirror({ tls: { ...files, certFile }, listen: [{ host: HOST, port: 0, isTls: true }] }),
      {
        code: 'ERR_CONFIG_INVALID',
        message: `mirror.tls.certFile = ${JSON.stringify(certFile)}: can't be read (ENOENT): expected a file in PEM`,
      },
    )
  })

  it('refuses to start with a key that belongs to another certificate', async () => {
    await writeFile(files.keyFile, second.key)
    await assert.rejects(startMirror({ tls: files, listen: [{ host: HOST, port: 0, isTls: true }] }), {
      code: 'ERR_CONFIG_INVALID',
      message: /^mirror\.tls: ".*" and ".*" can't be used \(.*\): expected a certificate in PEM and the key/,
    })
  })
})
