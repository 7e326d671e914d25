import assert from 'node:assert/strict'
import { UpstreamProtocolError } from '@layermesh/interface'
import { nextHop } from '../src/redirects.ts'

const WITHOUT_TOKEN = { range: 'bytes=5-', accept: '*/*' }
const HEADERS = { ...WITHOUT_TOKEN, authorization: 'Bearer secret' }

function hop(from: string, location: string | undefined) {
  return nextHop({ url: new URL(from), headers: HEADERS }, location, 'reg.example: GET')
}

describe('nextHop', () => {
  it('resolves a relative Location', () => {
    const { url } = hop('https://reg.example/v2/a/blobs/x?n=1', '../blobs/y?n=2')
    assert.equal(url.href, 'https://reg.example/v2/a/blobs/y?n=2')
  })

  it('keeps all headers on the same scheme, host and port', () => {
    assert.deepEqual(hop('https://reg.example/a', 'https://reg.example:443/b').headers, HEADERS)
  })

  it('drops the token, and nothing else, when scheme, host or port changes', () => {
    for (const [from, to] of [
      ['https://reg.example/', 'https://cdn.example/'],
      ['https://reg.example/', 'https://sub.reg.example/'],
      ['https://reg.example/', 'https://reg.example:8443/'],
      ['http://reg.example/', 'https://reg.example/'],
      ['https://reg.example/', '//cdn.example/'],
    ] as const) {
      assert.deepEqual(hop(from, to).headers, WITHOUT_TOKEN, to)
    }
  })

  it('throws ERR_UPSTREAM_PROTOCOL from https to http', () => {
    assert.throws(() => hop('https://reg.example/', 'http://reg.example/'), UpstreamProtocolError)
  })

  it('throws ERR_UPSTREAM_PROTOCOL without a Location that is a URL of the web', () => {
    for (const location of [undefined, 'https://', 'file:///etc/passwd', 'data:,x']) {
      assert.throws(() => hop('https://reg.example/', location), UpstreamProtocolError)
    }
  })

  it('throws ERR_UPSTREAM_PROTOCOL for a Location with a login', () => {
    for (const location of ['https://user@cdn.example/', 'https://:pw@cdn.example/']) {
      assert.throws(() => hop('https://reg.example/', location), /was redirected with a login$/)
    }
  })

  it('tells nothing of the Location in its message', () => {
    assert.throws(() => hop('https://reg.example/', 'http://cdn.example/?sig=secret'), {
      message: 'reg.example: GET was redirected from https to http',
    })
  })
})
