import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LayermeshError } from '@layermesh/interface'
import { createUpstreamTable, digestOf, parseRoute } from '@layermesh/oci'

const digest = digestOf(Buffer.from('x'))
const upstreams = createUpstreamTable(
  [
    { host: 'docker.io', aliases: ['hub'] },
    { host: 'quay.io', aliases: ['quay'] },
    { host: 'reg.example.com:5000', aliases: ['internal'] },
  ],
  'docker.io',
)
const latest = { kind: 'tag', tag: 'latest' } as const
const nginx = {
  kind: 'manifest',
  upstream: 'docker.io',
  repository: 'library/nginx',
  reference: latest,
} as const

describe('parseRoute', () => {
  for (const [title, target, route] of [
    ['a ping', '/v2/', { kind: 'ping' }],
    ['a ping with a query', '/v2/?ns=docker.io', { kind: 'ping' }],
    ['a ping below a prefix', '/quay.io/v2/', { kind: 'ping' }],
    ['a ping without its slash', '/v2', { kind: 'ping-without-slash', location: '/v2/' }],
    [
      'a ping without its slash below a prefix',
      '/hub/v2',
      { kind: 'ping-without-slash', location: '/hub/v2/' },
    ],
    ['a manifest with ns', '/v2/library/nginx/manifests/latest?ns=docker.io', { ...nginx, ns: 'docker.io' }],
    [
      'ns in another spelling',
      '/v2/nginx/manifests/latest?ns=Index.Docker.io',
      { ...nginx, ns: 'Index.Docker.io' },
    ],
    [
      'ns with an encoded port',
      '/v2/a/manifests/latest?x=1&ns=reg.example.com%3A5000',
      {
        kind: 'manifest',
        upstream: 'reg.example.com:5000',
        repository: 'a',
        reference: latest,
        ns: 'reg.example.com:5000',
      },
    ],
    ['a prefix after /v2', '/v2/docker.io/library/nginx/manifests/latest', { ...nginx, ns: undefined }],
    ['an alias as prefix', '/v2/hub/library/nginx/manifests/latest', { ...nginx, ns: undefined }],
    ['a prefix without library/', '/v2/docker.io/nginx/manifests/latest', { ...nginx, ns: undefined }],
    ['a prefix before /v2', '/docker.io/v2/library/nginx/manifests/latest', { ...nginx, ns: undefined }],
    ['an alias before /v2', '/hub/v2/nginx/manifests/latest', { ...nginx, ns: undefined }],
    [
      'a prefix and ns that agree',
      '/v2/docker.io/library/nginx/manifests/latest?ns=registry-1.docker.io',
      { ...nginx, ns: 'registry-1.docker.io' },
    ],
    ['no hint at all', '/v2/library/nginx/manifests/latest', { ...nginx, ns: undefined }],
    [
      'no hint, and a repository named like the default',
      '/v2/docker.io/manifests/latest',
      { ...nginx, repository: 'library/docker.io', ns: undefined },
    ],
    [
      'a repository whose first component is an alias of another upstream',
      '/v2/hub/nginx/manifests/latest?ns=quay.io',
      { kind: 'manifest', upstream: 'quay.io', repository: 'hub/nginx', reference: latest, ns: 'quay.io' },
    ],
    [
      'a repository whose first component is an alias of its own upstream',
      '/v2/quay/busybox/manifests/latest?ns=quay.io',
      { kind: 'manifest', upstream: 'quay.io', repository: 'quay/busybox', reference: latest, ns: 'quay.io' },
    ],
    [
      'a host as component below a prefix before /v2',
      '/quay.io/v2/docker.io/nginx/manifests/latest',
      {
        kind: 'manifest',
        upstream: 'quay.io',
        repository: 'docker.io/nginx',
        reference: latest,
        ns: undefined,
      },
    ],
    [
      'a manifest by digest',
      `/v2/quay.io/a/b/manifests/${digest}`,
      {
        kind: 'manifest',
        upstream: 'quay.io',
        repository: 'a/b',
        reference: { kind: 'digest', digest },
        ns: undefined,
      },
    ],
    [
      'a digest with an encoded colon',
      `/v2/quay.io/a/blobs/${digest.replace(':', '%3A')}`,
      { kind: 'blob', upstream: 'quay.io', repository: 'a', digest, ns: undefined },
    ],
    [
      'the last of several components that are words of the API',
      `/v2/quay.io/blobs/manifests/tags/list/referrers/blobs/${digest}`,
      {
        kind: 'blob',
        upstream: 'quay.io',
        repository: 'blobs/manifests/tags/list/referrers',
        digest,
        ns: undefined,
      },
    ],
    [
      'a tag that is a word of the API',
      '/v2/quay.io/tags/manifests/list',
      {
        kind: 'manifest',
        upstream: 'quay.io',
        repository: 'tags',
        reference: { kind: 'tag', tag: 'list' },
        ns: undefined,
      },
    ],
    [
      'a list of tags',
      '/v2/quay.io/a/tags/list?n=10&last=b',
      {
        ...{ kind: 'tags', upstream: 'quay.io', repository: 'a', ns: undefined },
        ...{ path: '/v2/quay.io/a/tags/list', query: 'n=10&last=b' },
      },
    ],
    [
      'a list of tags with ns, which is not for upstream',
      '/v2/a/tags/list?last=b%26c&ns=quay.io&n=2',
      {
        ...{ kind: 'tags', upstream: 'quay.io', repository: 'a', ns: 'quay.io' },
        ...{ path: '/v2/a/tags/list', query: 'last=b%26c&n=2' },
      },
    ],
    [
      'referrers',
      `/v2/quay.io/a/referrers/${digest}?artifactType=x`,
      {
        ...{ kind: 'referrers', upstream: 'quay.io', repository: 'a', digest, ns: undefined },
        ...{ path: `/v2/quay.io/a/referrers/${digest}`, query: 'artifactType=x' },
      },
    ],
    [
      'a target in absolute form',
      'HTTP://mirror:5000/v2/nginx/manifests/latest?ns=docker.io',
      { ...nginx, ns: 'docker.io' },
    ],
    ['a catalog as unknown', '/v2/_catalog', { kind: 'unknown' }],
    ['an extension as unknown', '/v2/a/_ext/b/c', { kind: 'unknown' }],
    ['a path with more below a reference as unknown', '/v2/a/manifests/b/c', { kind: 'unknown' }],
    ['another version as unknown', '/v1/search', { kind: 'unknown' }],
    ['the root as unknown', '/', { kind: 'unknown' }],
  ] as const) {
    it(`reads ${title}`, () => {
      assert.deepEqual(parseRoute(target, upstreams), route)
    })
  }

  describe('an address or a host of its own', () => {
    const served = createUpstreamTable(
      [
        { host: 'docker.io', aliases: ['hub'] },
        { host: 'quay.io', aliases: ['quay'], servedAs: ['quay.mirror.local', '127.0.0.1:5010'] },
        { host: 'ghcr.io', aliases: [] },
      ],
      'docker.io',
    )
    for (const [title, target, hints, upstream, repository] of [
      ['by Host', '/v2/a/b/manifests/c', { host: 'Quay.Mirror.local:5000' }, 'quay.io', 'a/b'],
      ['by Host with a port', '/v2/a/b/manifests/c', { host: '127.0.0.1:5010' }, 'quay.io', 'a/b'],
      ['not by Host with another', '/v2/a/b/manifests/c', { host: '127.0.0.1:5000' }, 'docker.io', 'a/b'],
      ['by the address', '/v2/a/b/manifests/c', { upstream: 'ghcr.io' }, 'ghcr.io', 'a/b'],
      [
        'by Host rather than the address',
        '/v2/a/b/manifests/c',
        { host: 'quay.mirror.local', upstream: 'ghcr.io' },
        'quay.io',
        'a/b',
      ],
      [
        'by ns rather than Host',
        '/v2/a/b/manifests/c?ns=ghcr.io',
        { host: 'quay.mirror.local' },
        'ghcr.io',
        'a/b',
      ],
      [
        'by a prefix rather than Host',
        '/v2/ghcr.io/b/manifests/c',
        { host: 'quay.mirror.local' },
        'ghcr.io',
        'b',
      ],
      [
        'by a prefix rather than the address',
        '/ghcr.io/v2/b/manifests/c',
        { upstream: 'quay.io' },
        'ghcr.io',
        'b',
      ],
      [
        'by the target rather than Host',
        'http://quay.mirror.local/v2/a/b/manifests/c',
        { host: 'other' },
        'quay.io',
        'a/b',
      ],
      [
        'with a component that is an alias elsewhere',
        '/v2/quay/busybox/manifests/c',
        { host: 'quay.mirror.local' },
        'quay.io',
        'quay/busybox',
      ],
    ] as const) {
      it(`names the upstream ${title}`, () => {
        const route = parseRoute(target, served, hints)
        assert.deepEqual(route, {
          kind: 'manifest',
          ...{ upstream, repository, reference: { kind: 'tag', tag: 'c' } },
          ns: target.includes('ns=') ? upstream : undefined,
        })
      })
    }
  })

  describe('where any public registry is allowed', () => {
    const open = createUpstreamTable([{ host: 'docker.io', aliases: [] }], 'docker.io', { allowOthers: true })
    for (const [target, upstream, repository] of [
      ['/v2/a/manifests/b?ns=reg.example.com', 'reg.example.com', 'a'],
      ['/v2/a/manifests/b?ns=Reg.Example.com:443', 'reg.example.com', 'a'],
      ['/v2/reg.example.com/a/manifests/b', 'reg.example.com', 'a'],
      ['/reg.example.com/v2/a/manifests/b', 'reg.example.com', 'a'],
      ['/v2/reg.example.com/a/manifests/b?ns=reg.example.com', 'reg.example.com', 'a'],
      ['/v2/first.name/a/manifests/b?ns=reg.example.com', 'reg.example.com', 'first.name/a'],
    ] as const) {
      it(`reads ${target}`, () => {
        const route = parseRoute(target, open)
        assert.equal('upstream' in route && route.upstream, upstream)
        assert.equal('upstream' in route && route.repository, repository)
      })
    }

    for (const ns of [
      'localhost',
      'localhost:2375',
      '127.0.0.1',
      '8.8.8.8',
      '127.1',
      'a.0x7f',
      '[::1]',
      'reg',
      'a.b:8443',
    ]) {
      it(`rejects ns=${ns} with ERR_UPSTREAM_UNKNOWN`, () => {
        assert.throws(() => parseRoute(`/v2/a/manifests/b?ns=${ns}`, open), { code: 'ERR_UPSTREAM_UNKNOWN' })
      })
    }

    it('rejects a prefix and ns that disagree', () => {
      assert.throws(() => parseRoute('/v2/docker.io/a/manifests/b?ns=reg.example.com', open), {
        code: 'ERR_ROUTE_INVALID',
      })
    })
  })

  for (const [title, target, code] of [
    ['ns that is given twice', '/v2/a/manifests/b?ns=quay.io&ns=quay.io', 'ERR_ROUTE_INVALID'],
    ['ns that is empty', '/v2/a/manifests/b?ns=', 'ERR_ROUTE_INVALID'],
    ['ns that is no host', '/v2/a/manifests/b?ns=http://quay.io/', 'ERR_ROUTE_INVALID'],
    ['ns with a line break', '/v2/a/manifests/b?ns=quay.io%0d%0aX:%20y', 'ERR_ROUTE_INVALID'],
    ['ns with user information', '/v2/a/manifests/b?ns=x@quay.io', 'ERR_ROUTE_INVALID'],
    ['a prefix and ns that disagree', '/v2/docker.io/a/manifests/b?ns=quay.io', 'ERR_ROUTE_INVALID'],
    ['a prefix before /v2 and ns that disagree', '/hub/v2/a/manifests/b?ns=quay.io', 'ERR_ROUTE_INVALID'],
    ['ns that is unknown', '/v2/a/manifests/b?ns=169.254.169.254', 'ERR_UPSTREAM_UNKNOWN'],
    ['ns with another port of a known host', '/v2/a/manifests/b?ns=quay.io:22', 'ERR_UPSTREAM_UNKNOWN'],
    ['ns that is a local port', '/v2/a/manifests/b?ns=localhost:2375', 'ERR_UPSTREAM_UNKNOWN'],
    ['a host that is unknown as prefix', '/v2/evil.example/a/manifests/b', 'ERR_UPSTREAM_UNKNOWN'],
    ['localhost as prefix', '/v2/localhost/a/manifests/b', 'ERR_UPSTREAM_UNKNOWN'],
    ['an unknown prefix before /v2', '/evil.example/v2/a/manifests/b', 'ERR_UPSTREAM_UNKNOWN'],
    ['a line break before /v2', '/a%0d%0aX:%20y/v2', 'ERR_UPSTREAM_UNKNOWN'],
    ['a name in upper case', '/v2/Nginx/manifests/latest', 'ERR_NAME_INVALID'],
    ['no name', '/v2/manifests/latest', 'ERR_NAME_INVALID'],
    ['an empty component', '/v2/a//b/manifests/latest', 'ERR_NAME_INVALID'],
    ['an empty first component', '/v2//a/manifests/latest', 'ERR_NAME_INVALID'],
    ['dots as a component', '/v2/a/../b/manifests/latest', 'ERR_NAME_INVALID'],
    ['encoded dots', '/v2/a/%2e%2e/b/manifests/latest', 'ERR_NAME_INVALID'],
    ['dots below a prefix', '/docker.io/v2/../b/manifests/latest', 'ERR_NAME_INVALID'],
    ['an encoded slash', '/v2/a%2fb/manifests/latest', 'ERR_ROUTE_INVALID'],
    ['an encoded slash in a reference', '/v2/a/manifests/..%2f..%2fx', 'ERR_ROUTE_INVALID'],
    ['an encoding that is cut', '/v2/a/manifests/latest%2', 'ERR_ROUTE_INVALID'],
    ['an encoding that is no UTF-8', '/v2/a/manifests/%ff', 'ERR_ROUTE_INVALID'],
    ['an encoding of an encoding', '/v2/a/manifests/%252e%252e', 'ERR_TAG_INVALID'],
    ['NUL', '/v2/a%00/manifests/latest', 'ERR_NAME_INVALID'],
    ['a backslash', '/v2/a\\b/manifests/latest', 'ERR_NAME_INVALID'],
    ['an encoded backslash', '/v2/a/manifests/..%5cx', 'ERR_TAG_INVALID'],
    ['dots as a tag', '/v2/a/manifests/..', 'ERR_TAG_INVALID'],
    ['no tag', '/v2/a/manifests/', 'ERR_TAG_INVALID'],
    ['a digest that is none', '/v2/a/manifests/sha256:baddigeststring', 'ERR_DIGEST_INVALID'],
    ['a blob by tag', '/v2/a/blobs/latest', 'ERR_DIGEST_INVALID'],
    ['referrers of a tag', '/v2/a/referrers/latest', 'ERR_DIGEST_INVALID'],
    ['a name that is too long', `/v2/${'a/'.repeat(200)}a/manifests/latest`, 'ERR_NAME_INVALID'],
    ['a target that is no path', '*', 'ERR_ROUTE_INVALID'],
  ] as const) {
    it(`rejects ${title} with ${code}`, () => {
      assert.throws(() => parseRoute(target, upstreams), { code })
    })
  }

  it('throws nothing but its own errors, and names no upstream that is not allowed', () => {
    const piece = fc.constantFrom(
      ...['/', '//', 'v2', 'docker.io', 'hub', 'quay.io', 'evil.example', 'a', 'B', '..', '%2e', '%2f', '%'],
      ...[
        'manifests',
        'blobs',
        'tags',
        'list',
        'referrers',
        'latest',
        digest,
        '?',
        'ns=',
        '&',
        '\\',
        '\0',
        ':',
      ],
    )
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        try {
          const route = parseRoute(`/v2/${pieces.join('')}`, upstreams)
          if ('upstream' in route) {
            assert.ok(['docker.io', 'quay.io'].includes(route.upstream))
            assert.match(route.repository, /^[a-z0-9]+([./][a-z0-9]+)*$/)
          }
        } catch (error) {
          assert.ok(error instanceof LayermeshError, String(error))
        }
      }),
      { numRuns: 2000 },
    )
  })
})
