import assert from 'node:assert/strict'
import type { ImageRef, RepositoryRef } from '@layermesh/interface'
import {
  createUpstreamTable,
  digestOf,
  findUpstreamHost,
  formatImageName,
  formatImageRepository,
  parseImageName,
  parseImageRepository,
} from '@layermesh/oci'
import fc from 'fast-check'

const digest = digestOf(Buffer.from('x'))
const nginx = { upstream: 'docker.io', repository: 'library/nginx' }

const part = fc.stringMatching(/^[a-z0-9]{1,8}$/)
const host = fc
  .oneof(
    fc.constantFrom('docker.io', 'localhost', 'registry', '[::1]:5000', '[fd00::2]', '127.0.0.1'),
    fc.tuple(part, fc.constantFrom('', '.io', '.example.com'), fc.constantFrom('', ':80', ':5000')),
  )
  .map((parts) => findUpstreamHost(typeof parts === 'string' ? parts : parts.join(''))!)
const repositoryRef: fc.Arbitrary<RepositoryRef> = fc
  .record({ upstream: host, path: fc.array(part, { minLength: 2, maxLength: 4 }) })
  .map(({ upstream, path }) => ({ upstream, repository: path.join('/') }))
const imageRef: fc.Arbitrary<ImageRef> = fc
  .tuple(
    repositoryRef,
    fc.oneof(
      fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,9}$/).map((tag) => ({ tag })),
      fc.uint8Array().map((bytes) => ({ digest: digestOf(bytes) })),
    ),
  )
  .map(([repository, reference]) => ({ ...repository, ...reference }))

describe('parseImageName', () => {
  const accepted: Readonly<Record<string, ImageRef>> = {
    nginx: { ...nginx, tag: 'latest' },
    'nginx:1.27': { ...nginx, tag: '1.27' },
    'library/nginx': { ...nginx, tag: 'latest' },
    'grafana/loki': { upstream: 'docker.io', repository: 'grafana/loki', tag: 'latest' },
    'docker.io/library/nginx:1.27': { ...nginx, tag: '1.27' },
    'docker.io/nginx': { ...nginx, tag: 'latest' },
    'index.docker.io/nginx': { ...nginx, tag: 'latest' },
    [`nginx@${digest}`]: { ...nginx, digest },
    [`nginx:1.27@${digest}`]: { ...nginx, digest },
    [`ghcr.io/org/app@${digest}`]: { upstream: 'ghcr.io', repository: 'org/app', digest },
    'ghcr.io:443/app': { upstream: 'ghcr.io', repository: 'app', tag: 'latest' },
    'GHCR.io/app': { upstream: 'ghcr.io', repository: 'app', tag: 'latest' },
    'localhost/x': { upstream: 'localhost', repository: 'x', tag: 'latest' },
    'localhost:5000/x': { upstream: 'localhost:5000', repository: 'x', tag: 'latest' },
    'localhost:5000/x:2': { upstream: 'localhost:5000', repository: 'x', tag: '2' },
    // Without a slash it can't be a host, so the clients take it for a tag as well.
    'localhost:5000': { upstream: 'docker.io', repository: 'library/localhost', tag: '5000' },
    'docker.io': { upstream: 'docker.io', repository: 'library/docker.io', tag: 'latest' },
    '[::1]:5000/x:2': { upstream: '[::1]:5000', repository: 'x', tag: '2' },
  }
  for (const [text, image] of Object.entries(accepted)) {
    it(`reads ${text}`, () => assert.deepEqual(parseImageName(text), image))
  }

  const refused: readonly (readonly [text: string, code: string])[] = [
    ['', 'ERR_NAME_INVALID'],
    ['Nginx', 'ERR_NAME_INVALID'],
    ['Library/nginx', 'ERR_NAME_INVALID'],
    ['ghcr.io/', 'ERR_NAME_INVALID'],
    ['/nginx', 'ERR_NAME_INVALID'],
    ['a//b', 'ERR_NAME_INVALID'],
    ['https://ghcr.io/app', 'ERR_NAME_INVALID'],
    ['-x.io/app', 'ERR_NAME_INVALID'],
    ['localhost:66000/x', 'ERR_NAME_INVALID'],
    ['nginx/../../etc', 'ERR_NAME_INVALID'],
    ['nginx\n', 'ERR_NAME_INVALID'],
    ['nginx:', 'ERR_TAG_INVALID'],
    ['nginx:.', 'ERR_TAG_INVALID'],
    ['nginx:1:2', 'ERR_TAG_INVALID'],
    [`nginx:.@${digest}`, 'ERR_TAG_INVALID'],
    ['nginx@', 'ERR_DIGEST_INVALID'],
    ['nginx@sha256:abc', 'ERR_DIGEST_INVALID'],
    [`nginx@${digest}@${digest}`, 'ERR_DIGEST_INVALID'],
  ]
  for (const [text, code] of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))} with ${code} in one line`, () => {
      assert.throws(() => parseImageName(text), { code, message: /^[^\n]+$/ })
    })
  }

  it('reads what formatImageName writes as the same', () => {
    fc.assert(
      fc.property(imageRef, (image) => assert.deepEqual(parseImageName(formatImageName(image)), image)),
    )
  })

  it('throws nothing but its codes, whatever the text', () => {
    const codes = ['ERR_NAME_INVALID', 'ERR_TAG_INVALID', 'ERR_DIGEST_INVALID']
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[a.:/@[\]_-]*$/))
    fc.assert(
      fc.property(text, (name) => {
        try {
          assert.deepEqual(parseImageName(formatImageName(parseImageName(name))), parseImageName(name))
        } catch (error) {
          assert.ok(codes.includes((error as { readonly code: string }).code))
        }
      }),
    )
  })

  describe('with a table', () => {
    const table = createUpstreamTable(
      [
        { host: 'docker.io', aliases: ['hub'] },
        { host: 'registry.example.com:5000', aliases: ['mirror.example.com'] },
      ],
      'registry.example.com:5000',
    )

    it('takes other names of an upstream for its host', () => {
      assert.deepEqual(parseImageName('mirror.example.com/app', table), {
        upstream: 'registry.example.com:5000',
        repository: 'app',
        tag: 'latest',
      })
    })

    it('takes a name without a host for one of Docker Hub, whatever the mirror does', () => {
      assert.deepEqual(parseImageName('nginx', table), { ...nginx, tag: 'latest' })
    })

    it('takes no short name of an upstream for a host', () => {
      assert.deepEqual(parseImageRepository('hub/nginx', table), {
        upstream: 'docker.io',
        repository: 'hub/nginx',
      })
    })

    it('refuses other hosts with ERR_UPSTREAM_UNKNOWN', () => {
      assert.throws(() => parseImageName('ghcr.io/app', table), {
        code: 'ERR_UPSTREAM_UNKNOWN',
        message: '"ghcr.io" is none of the upstreams',
      })
    })
  })
})

describe('parseImageRepository', () => {
  it('reads a name without tag and digest', () => {
    assert.deepEqual(parseImageRepository('nginx'), nginx)
    assert.deepEqual(parseImageRepository('ghcr.io/org/app'), { upstream: 'ghcr.io', repository: 'org/app' })
  })

  for (const text of ['nginx:1.27', `nginx@${digest}`, 'localhost:5000']) {
    it(`refuses ${text.slice(0, 20)} with ERR_NAME_INVALID`, () => {
      assert.throws(() => parseImageRepository(text), { code: 'ERR_NAME_INVALID' })
    })
  }

  it('reads what formatImageRepository writes as the same', () => {
    fc.assert(
      fc.property(repositoryRef, (repository) =>
        assert.deepEqual(parseImageRepository(formatImageRepository(repository)), repository),
      ),
    )
  })
})

describe('formatImageName', () => {
  it('writes the name in full', () => {
    assert.equal(formatImageName({ ...nginx, tag: '1.27' }), 'docker.io/library/nginx:1.27')
    assert.equal(formatImageName({ ...nginx, digest }), `docker.io/library/nginx@${digest}`)
  })

  it('gives a host that could be part of a path the port of HTTPS', () => {
    const image = { upstream: 'registry', repository: 'app', tag: '1' }
    assert.equal(formatImageName(image), 'registry:443/app:1')
  })
})
