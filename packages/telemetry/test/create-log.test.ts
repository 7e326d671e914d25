import assert from 'node:assert/strict'
import { PeerBusyError } from '@layermesh/interface'
import { createLog, type LogInit } from '../src/index.ts'

type Line = Readonly<Record<string, unknown>>

function recordingLog({ level = 'trace', pretty = false }: Partial<LogInit> = {}) {
  const written: string[] = []
  const log = createLog({ level, pretty, destination: { write: (line: string) => void written.push(line) } })
  return { log, written, lines: () => written.map((line) => JSON.parse(line) as Line) }
}

function fieldsOf(fields: Line): Line {
  const { log, lines } = recordingLog()
  log.info(fields, 'phrase')
  return lines()[0]!
}

describe('createLog', () => {
  it('writes one JSON line with the level, an ISO time, the fields and the phrase', () => {
    const { time, ...line } = fieldsOf({ bytes: 7, digest: 'sha256:00' })
    assert.deepEqual(line, { level: 'info', bytes: 7, digest: 'sha256:00', msg: 'phrase' })
    assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  })

  it('writes nothing below its level', () => {
    const { log, lines } = recordingLog({ level: 'warn' })
    log.info({}, 'no')
    log.debug({}, 'no')
    log.warn({}, 'yes')
    log.error({}, 'yes')
    assert.deepEqual(
      lines().map(({ level }) => level),
      ['warn', 'error'],
    )
  })

  it('writes nothing at all at the level silent', () => {
    const { log, written } = recordingLog({ level: 'silent' })
    log.error({}, 'no')
    assert.deepEqual(written, [])
  })

  it('gives the fields of a child to each of its lines', () => {
    const { log, lines } = recordingLog()
    log.child({ component: 'mesh' }).child({ token: 'hunter2' }).info({ a: 1 }, 'phrase')
    const { component, token, a } = lines()[0]!
    assert.deepEqual({ component, token, a }, { component: 'mesh', token: '[redacted]', a: 1 })
  })

  it('writes columns instead of JSON when it is pretty', () => {
    const { log, written } = recordingLog({ pretty: true })
    log.info({ bytes: 7 }, 'blob fetched')
    assert.match(written.join(''), /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: blob fetched\n +bytes: 7\n$/)
  })

  describe('redaction', () => {
    const SECRET = 'hunter2'

    for (const key of [
      'authorization',
      'Proxy-Authorization',
      'cookie',
      'set-cookie',
      'token',
      'refreshToken',
      'access_token',
      'password',
      'secret',
      'clientSecret',
      'credentials',
      'apiKey',
      'privateKey',
    ]) {
      it(`hides the value of ${key}, at any depth`, () => {
        const { log, written } = recordingLog()
        log.info({ [key]: SECRET, request: { headers: [{ [key]: { nested: SECRET } }] } }, 'phrase')
        assert.doesNotMatch(written.join(''), /hunter2/)
      })
    }

    it('takes the query out of URLs, wherever they stand', () => {
      const line = fieldsOf({
        url: `/v2/library/nginx/blobs/x?sig=${SECRET}`,
        location: `https://cdn.example.com/blob?X-Amz-Signature=${SECRET}`,
        target: new URL(`https://cdn.example.com/blob?sig=${SECRET}`),
        err: new Error(`GET https://cdn.example.com/blob?sig=${SECRET} failed`),
      })
      assert.doesNotMatch(JSON.stringify(line), /hunter2/)
      assert.equal(line['url'], '/v2/library/nginx/blobs/x?…')
      assert.equal(line['location'], 'https://cdn.example.com/blob?…')
    })

    it('takes user names and passwords out of URLs', () => {
      assert.equal(
        fieldsOf({ endpoint: `https://me:${SECRET}@example.com/v2/` })['endpoint'],
        'https://example.com/v2/',
      )
    })

    it('leaves the fields themselves as they are', () => {
      const fields = { token: SECRET, deep: { token: SECRET } }
      fieldsOf(fields)
      assert.deepEqual(fields, { token: SECRET, deep: { token: SECRET } })
    })
  })

  describe('errors', () => {
    it('have their code and the chain of their causes, without stacks of our own', () => {
      const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
      const { err } = fieldsOf({ err: new PeerBusyError('the peer is full', { cause: refused }) }) as {
        err: { cause: Line }
      }
      const { cause, ...outer } = err
      assert.deepEqual(outer, { name: 'PeerBusyError', code: 'ERR_PEER_BUSY', message: 'the peer is full' })
      assert.equal(cause['code'], 'ECONNREFUSED')
      assert.match(String(cause['stack']), /create-log\.test/)
    })

    it('have all errors of an aggregate', () => {
      const { err } = fieldsOf({ err: new AggregateError([new Error('one'), new Error('two')], 'both') }) as {
        err: { errors: Line[] }
      }
      assert.deepEqual(
        err.errors.map(({ message }) => message),
        ['one', 'two'],
      )
    })

    it('that are their own cause end somewhere', () => {
      const loop = new Error('loop')
      loop.cause = loop
      assert.doesNotThrow(() => fieldsOf({ err: loop }))
    })
  })

  it('shows bytes by their number', () => {
    assert.equal(fieldsOf({ frame: new Uint8Array(1 << 20) })['frame'], '1048576 bytes')
  })
})
