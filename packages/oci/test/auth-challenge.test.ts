import assert from 'node:assert/strict'
import { findBearerChallenge, parseAuthChallenges } from '@layermesh/oci'
import fc from 'fast-check'

const HUB_REALM = 'https://auth.docker.io/token'
const HUB_SCOPE = 'repository:library/nginx:pull'

/** Challenges as plain objects, which compare well. */
function parsed(lines: string | readonly string[]) {
  return parseAuthChallenges(lines).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])
}

describe('parseAuthChallenges', () => {
  const cases: readonly {
    readonly title: string
    readonly lines: string | readonly string[]
    readonly expected: readonly unknown[]
  }[] = [
    {
      title: 'reads quoted values',
      lines: `Bearer realm="${HUB_REALM}",service="registry.docker.io",scope="${HUB_SCOPE}"`,
      expected: [['bearer', { realm: HUB_REALM, service: 'registry.docker.io', scope: HUB_SCOPE }]],
    },
    {
      title: 'reads values without quotes, also those that are no tokens',
      lines: 'Bearer realm=https://gcr.io/v2/token?a=b, service=gcr.io',
      expected: [['bearer', { realm: 'https://gcr.io/v2/token?a=b', service: 'gcr.io' }]],
    },
    {
      title: 'keeps commas inside quotes',
      lines: 'Bearer realm="r",scope="repository:a/b:pull,push repository:c:pull"',
      expected: [['bearer', { realm: 'r', scope: 'repository:a/b:pull,push repository:c:pull' }]],
    },
    {
      title: 'undoes escapes',
      lines: String.raw`Bearer realm="say \"hi\" \\ there\,"`,
      expected: [['bearer', { realm: 'say "hi" \\ there,' }]],
    },
    {
      title: 'ignores the case of schemes and parameter names',
      lines: 'bEARER ReAlM="R"',
      expected: [['bearer', { realm: 'R' }]],
    },
    {
      title: 'allows white space around equals signs and commas',
      lines: 'Bearer  realm = "r" ,\tservice= s ,, scope ="x"',
      expected: [['bearer', { realm: 'r', service: 's', scope: 'x' }]],
    },
    {
      title: 'reads several challenges of one line',
      lines: 'Basic realm="b", Bearer realm="r",service="s", Negotiate',
      expected: [
        ['basic', { realm: 'b' }],
        ['bearer', { realm: 'r', service: 's' }],
        ['negotiate', {}],
      ],
    },
    {
      title: 'reads several lines',
      lines: ['Negotiate', 'Basic realm="b"', 'Bearer realm="r"'],
      expected: [
        ['negotiate', {}],
        ['basic', { realm: 'b' }],
        ['bearer', { realm: 'r' }],
      ],
    },
    {
      title: 'does not let a token68 hide the next challenge',
      lines: 'Negotiate YII/abc+def==, Bearer realm="r"',
      expected: [
        ['negotiate', { 'yii/abc+def': '=' }],
        ['bearer', { realm: 'r' }],
      ],
    },
    {
      title: 'takes the first of a repeated parameter',
      lines: 'Bearer realm="first",realm="second"',
      expected: [['bearer', { realm: 'first' }]],
    },
    {
      title: 'ends a quote that nobody closes with the line',
      lines: 'Bearer realm="r",scope="repository:a',
      expected: [['bearer', { realm: 'r', scope: 'repository:a' }]],
    },
    { title: 'ignores parameters without a scheme', lines: 'realm="r", service=s', expected: [] },
    { title: 'finds nothing in an empty line', lines: '', expected: [] },
    { title: 'finds nothing in separators', lines: ' ,= "', expected: [] },
  ]
  for (const { title, lines, expected } of cases) {
    it(title, () => assert.deepEqual(parsed(lines), expected))
  }

  it('reads back what was written, whatever the values are', () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
    const challenge = fc.tuple(
      token,
      fc.dictionary(token, fc.string(), { minKeys: 1, noNullPrototype: true }),
    )
    fc.assert(
      fc.property(fc.array(challenge), (challenges) => {
        const line = challenges.map(([scheme, parameters]) => {
          const quoted = Object.entries(parameters).map(
            ([name, value]) => `${name}="${value.replace(/[\\"]/g, String.raw`\$&`)}"`,
          )
          return `${scheme} ${quoted.join(', ')}`
        })
        assert.deepEqual(parsed(line.join(',')), challenges)
        assert.deepEqual(parsed(line), challenges)
      }),
    )
  })

  it('accepts any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (line) => parseAuthChallenges(line).length >= 0))
  })

  it('takes no more than linear time for hostile lines', () => {
    for (const part of [' ', ',', '=', '"', '\\', 'a', 'a ', 'a=', 'a="', 'a ,', '"\\']) {
      const hostile = part.repeat(200_000)
      assert.equal(parseAuthChallenges(`Bearer realm="r", ${hostile}`)[0]?.scheme, 'bearer')
      assert.equal(parseAuthChallenges(`Bearer realm="${hostile}`)[0]?.scheme, 'bearer')
    }
  })
})

describe('findBearerChallenge', () => {
  it('prefers Bearer, wherever it stands', () => {
    assert.deepEqual(
      findBearerChallenge(['Basic realm="b"', 'Digest realm="d", Bearer realm="r",service="s"']),
      {
        realm: 'r',
        service: 's',
        scope: undefined,
      },
    )
  })

  it('says undefined for a service and a scope that are missing or empty', () => {
    const expected = { realm: 'r', service: undefined, scope: undefined }
    assert.deepEqual(findBearerChallenge('Bearer realm="r"'), expected)
    assert.deepEqual(findBearerChallenge('Bearer realm="r",service="",scope=""'), expected)
  })

  it('skips a Bearer challenge without a realm', () => {
    assert.equal(findBearerChallenge('Bearer service="s"'), undefined)
    assert.equal(findBearerChallenge('Bearer realm=""'), undefined)
    assert.equal(findBearerChallenge('Bearer service="s", Bearer realm="r"')?.realm, 'r')
  })

  it('finds nothing when only other schemes are offered', () => {
    assert.equal(findBearerChallenge('Basic realm="https://example.com/"'), undefined)
    assert.equal(findBearerChallenge([]), undefined)
  })
})
