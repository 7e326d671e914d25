import assert from 'node:assert/strict'
import { errors } from 'undici'
import { classifyNetworkFailure, codeOf } from '../src/network-failure.ts'

function failure(code: string, message = 'secret') {
  return Object.assign(new Error(message), { code })
}

describe('classifyNetworkFailure', () => {
  it('makes ERR_UPSTREAM_UNREACHABLE of connections, names and time-outs that fail', () => {
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT']) {
      const cause = failure(code)
      const error = classifyNetworkFailure('docker.io: GET', cause)
      assert.equal(error.code, 'ERR_UPSTREAM_UNREACHABLE')
      assert.equal(error.message, `docker.io: GET got no answer (${code})`)
      assert.equal(error.cause, cause)
    }
  })

  it('makes ERR_UPSTREAM_PROTOCOL of answers that are no HTTP', () => {
    for (const cause of [new errors.HTTPParserError(), new errors.HeadersOverflowError()]) {
      assert.equal(classifyNetworkFailure('docker.io: GET', cause).code, 'ERR_UPSTREAM_PROTOCOL')
    }
  })

  it('makes ERR_UPSTREAM_DENIED of what is said of a certificate in TLS', () => {
    for (const alert of ['CERTIFICATE_REQUIRED', 'CERTIFICATE_EXPIRED', 'BAD_CERTIFICATE', 'UNKNOWN_CA']) {
      const code = `ERR_SSL_TLSV13_ALERT_${alert}`
      const error = classifyNetworkFailure('docker.io: GET', failure(code))
      assert.equal(error.code, 'ERR_UPSTREAM_DENIED')
      assert.equal(error.message, `docker.io: GET was refused for its certificate (${code})`)
    }
  })

  it('makes ERR_UPSTREAM_DENIED of a connection that is closed on who withholds a certificate, and of no other', () => {
    for (const code of ['UND_ERR_SOCKET', 'ECONNRESET', 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE']) {
      const cause = failure(code)
      assert.equal(classifyNetworkFailure('docker.io: GET', cause, true).code, 'ERR_UPSTREAM_DENIED')
      assert.equal(classifyNetworkFailure('docker.io: GET', cause).code, 'ERR_UPSTREAM_UNREACHABLE')
    }
    const refused = classifyNetworkFailure('docker.io: GET', failure('ECONNREFUSED'), true)
    assert.equal(refused.code, 'ERR_UPSTREAM_UNREACHABLE')
  })

  it('makes ERR_UPSTREAM_UNREACHABLE of what has no code', () => {
    assert.equal(classifyNetworkFailure('docker.io: GET', new Error('?')).code, 'ERR_UPSTREAM_UNREACHABLE')
  })
})

describe('codeOf', () => {
  it('is undefined for what has no code of text', () => {
    for (const value of [
      undefined,
      'ECONNRESET',
      { code: 'ECONNRESET' },
      new Error('?'),
      new DOMException('?'),
    ]) {
      assert.equal(codeOf(value), undefined)
    }
  })
})
