import assert from 'node:assert/strict'
import { bearerChallenge, checkBearerToken, type TokenCheck } from '../src/bearer-token.ts'

const TOKEN = 'tok-en_~+/.1234567=='

describe('checkBearerToken', () => {
  const cases: readonly (readonly [header: string | undefined, check: TokenCheck])[] = [
    [`Bearer ${TOKEN}`, 'right'],
    [`bearer  ${TOKEN} `, 'right'],
    [undefined, 'missing'],
    ['', 'missing'],
    ['Bearer', 'missing'],
    [TOKEN, 'missing'],
    [`Basic ${TOKEN}`, 'missing'],
    [`Bearer ${TOKEN} x`, 'missing'],
    [`Bearer ${TOKEN}x`, 'wrong'],
    [`Bearer ${TOKEN.slice(1)}`, 'wrong'],
    [`Bearer ${TOKEN.toUpperCase()}`, 'wrong'],
  ]
  for (const [header, check] of cases) {
    it(`calls the token of ${String(header)} ${check}`, () =>
      assert.equal(checkBearerToken(header, TOKEN), check))
  }
})

describe('bearerChallenge', () => {
  it('names an error only to who has sent a token', () => {
    assert.equal(bearerChallenge('missing'), 'Bearer realm="layermesh"')
    assert.equal(bearerChallenge('wrong'), 'Bearer realm="layermesh", error="invalid_token"')
  })
})
