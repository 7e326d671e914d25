import assert from 'node:assert/strict'
import { UpstreamProtocolError } from '@layermesh/interface'
import { parseTokenReply } from '../src/bearer-token.ts'

const UPSTREAM = 'reg.example'

describe('parseTokenReply', () => {
  const parseText = (text: string, date?: string) =>
    parseTokenReply({ body: Buffer.from(text), date }, UPSTREAM)
  const parse = (reply: unknown, date?: string) => parseText(JSON.stringify(reply), date)

  it('reads either name of the token', () => {
    assert.equal(parse({ token: 'a' }).value, 'a')
    assert.equal(parse({ access_token: 'b' }).value, 'b')
    assert.equal(parse({ token: '', access_token: 'b' }).value, 'b')
    assert.equal(parse({ token: 'a', access_token: 'b' }).value, 'a')
  })

  it('uses a token a little shorter than the server allows', () => {
    assert.equal(parse({ token: 'a', expires_in: 300 }).usableMs, 270_000)
  })

  it('takes a lifetime that is missing, too short or no number for 60 s', () => {
    for (const expires_in of [undefined, null, 0, -1, 59, '300']) {
      assert.equal(parse({ token: 'a', expires_in }).usableMs, 54_000)
    }
  })

  const ISSUED = { token: 'a', expires_in: 300, issued_at: '2031-05-05T12:00:00Z' }

  it('takes off what the server has kept a token for, by the clock of the server alone', () => {
    assert.equal(parse(ISSUED, 'Mon, 05 May 2031 12:01:40 GMT').usableMs, 170_000)
  })

  it('lets a token begin when it comes if the server says nothing usable of its age', () => {
    for (const date of [
      undefined,
      'today',
      'Mon, 05 May 2031 11:00:00 GMT',
      'Mon, 05 May 2031 12:10:00 GMT',
    ]) {
      assert.equal(parse(ISSUED, date).usableMs, 270_000)
    }
    for (const issued_at of [undefined, 7, 'then']) {
      assert.equal(parse({ ...ISSUED, issued_at }, 'Mon, 05 May 2031 12:01:40 GMT').usableMs, 270_000)
    }
  })

  it('throws ERR_UPSTREAM_PROTOCOL when there is no token', () => {
    for (const reply of [{}, [], null, 7, { token: 7 }, { token: '' }]) {
      assert.throws(() => parse(reply), UpstreamProtocolError)
    }
    assert.throws(() => parseText('<html>'), UpstreamProtocolError)
  })

  it('throws ERR_UPSTREAM_PROTOCOL for a token that would break out of its header', () => {
    assert.throws(() => parse({ token: 'a\r\nx-evil: 1' }), UpstreamProtocolError)
  })
})
