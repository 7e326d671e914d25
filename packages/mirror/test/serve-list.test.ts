import assert from 'node:assert/strict'
import {
  ContentUnavailableError,
  UpstreamDeniedError,
  UpstreamProtocolError,
  UpstreamRateLimitedError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { digestOf, OCI_INDEX } from '@layermesh/oci'
import { ManualClock } from '@layermesh/testkit'
import { startMirror, type MirrorFixture } from './support/mirror-fixture.ts'
import { RawClient } from './support/raw-client.ts'
import { neverAnswers } from './support/scripted-content.ts'

const digest = digestOf(Buffer.from('x'))
const TAGS = '/v2/library/nginx/tags/list'
const REFERRERS = `/v2/library/nginx/referrers/${digest}`

describe('serveList', () => {
  let fixture: MirrorFixture

  beforeEach(async () => {
    fixture = await startMirror()
  })

  afterEach(() => fixture[Symbol.asyncDispose]())

  describe('tags', () => {
    it('are what upstream says, in its order', async () => {
      fixture.lists.tags = { tags: ['b', 'a'], nextQuery: undefined }
      const { status, headers, body } = await fixture.get(TAGS)
      assert.equal(status, 200)
      assert.equal(headers['content-type'], 'application/json')
      assert.equal(headers['content-length'], String(body.byteLength))
      assert.equal(headers['docker-distribution-api-version'], 'registry/2.0')
      assert.equal(headers['cache-status'], 'layermesh; fwd=miss; detail=upstream')
      assert.equal(headers['link'], undefined)
      assert.deepEqual(JSON.parse(body.toString()), { name: 'library/nginx', tags: ['b', 'a'] })
      assert.deepEqual(fixture.lists.asked, ['docker.io/library/nginx?'])
    })

    it('have the same head for HEAD, and no body', async () => {
      fixture.lists.tags = { tags: ['a'], nextQuery: undefined }
      const { status, headers, body } = await fixture.head(TAGS)
      assert.deepEqual([status, headers['content-length'], body.byteLength], [200, '37', 0])
    })

    it('are an empty list when upstream has none', async () => {
      fixture.lists.tags = { tags: [], nextQuery: undefined }
      assert.match((await fixture.get(TAGS)).body.toString(), /"tags":\[\]/)
    })

    for (const [path, asked, link] of [
      [`${TAGS}?n=2&last=a`, 'docker.io/library/nginx?n=2&last=a', `<${TAGS}?n=2&last=c>; rel="next"`],
      [
        '/v2/quay.io/a/tags/list?n=2&last=a',
        'quay.io/a?n=2&last=a',
        '</v2/quay.io/a/tags/list?n=2&last=c>; rel="next"',
      ],
      [
        '/quay.io/v2/a/tags/list?n=2&last=a',
        'quay.io/a?n=2&last=a',
        '</quay.io/v2/a/tags/list?n=2&last=c>; rel="next"',
      ],
      [
        '/v2/a/tags/list?ns=reg.example.com%3A5000&n=2&last=a',
        'reg.example.com:5000/a?n=2&last=a',
        '</v2/a/tags/list?n=2&last=c&ns=reg.example.com%3A5000>; rel="next"',
      ],
    ] as const) {
      it(`lead on to the next page the way the client came: ${path}`, async () => {
        fixture.lists.tags = { tags: ['b', 'c'], nextQuery: 'n=2&last=c' }
        const { headers } = await fixture.get(path)
        assert.deepEqual(fixture.lists.asked, [asked])
        assert.equal(headers['link'], link)
        assert.equal(headers['oci-namespace'], path.includes('ns=') ? 'reg.example.com:5000' : undefined)
      })
    }

    it('are cut to the page that was asked for when upstream gives more', async () => {
      fixture.lists.tags = { tags: ['a', 'b', 'c'], nextQuery: undefined }
      const { headers, body } = await fixture.get(`${TAGS}?n=2`)
      assert.match(body.toString(), /"tags":\["a","b"\]/)
      assert.equal(headers['link'], `<${TAGS}?n=2&last=b>; rel="next"`)
    })

    it('are none, without a link, when n is 0', async () => {
      fixture.lists.tags = { tags: ['a'], nextQuery: undefined }
      const { status, headers, body } = await fixture.get(`${TAGS}?n=0`)
      assert.deepEqual([status, headers['link']], [200, undefined])
      assert.match(body.toString(), /"tags":\[\]/)
    })

    for (const n of ['x', '-1', '1.5', '', '9'.repeat(10)]) {
      it(`are refused with 400 when n is ${JSON.stringify(n)}, and nobody is asked`, async () => {
        const { status, body } = await fixture.get(`${TAGS}?n=${n}`)
        assert.equal(status, 400)
        assert.match(body.toString(), /"PAGINATION_NUMBER_INVALID"/)
        assert.deepEqual(fixture.lists.asked, [])
      })
    }

    it('are 404 when upstream has no such repository', async () => {
      const { status, body } = await fixture.get(TAGS)
      assert.equal(status, 404)
      assert.match(body.toString(), /"NAME_UNKNOWN"/)
    })
  })

  describe('referrers', () => {
    const bytes = Buffer.from('{"schemaVersion": 2,\n"manifests":[] }')

    it('are passed on byte for byte, as an index', async () => {
      fixture.lists.referrers = { bytes, nextQuery: undefined, filtersApplied: undefined }
      const { status, headers, body } = await fixture.get(REFERRERS)
      assert.equal(status, 200)
      assert.equal(headers['content-type'], OCI_INDEX)
      assert.equal(headers['oci-filters-applied'], undefined)
      assert.deepEqual(body, bytes)
      assert.deepEqual(fixture.lists.asked, [`docker.io/library/nginx@${digest}?`])
    })

    it('say what upstream has filtered by, and where the next page is', async () => {
      fixture.lists.referrers = { bytes, nextQuery: 'nextToken=a%3D', filtersApplied: 'artifactType' }
      const { headers } = await fixture.get(`${REFERRERS}?artifactType=a%2Fb&ns=docker.io`)
      assert.equal(headers['oci-filters-applied'], 'artifactType')
      assert.equal(headers['link'], `<${REFERRERS}?nextToken=a%3D&ns=docker.io>; rel="next"`)
      assert.deepEqual(fixture.lists.asked, [`docker.io/library/nginx@${digest}?artifactType=a%2Fb`])
    })

    it('are 404 when upstream has no such list, never an empty one', async () => {
      assert.equal((await fixture.get(REFERRERS)).status, 404)
    })

    it('are 400 for what is no digest', async () => {
      const { status, body } = await fixture.get('/v2/a/b/referrers/sha256:x')
      assert.equal(status, 400)
      assert.match(body.toString(), /"DIGEST_INVALID"/)
    })
  })

  for (const path of [TAGS, REFERRERS]) {
    for (const [failure, status] of [
      [new UpstreamUnreachableError('secret'), 503],
      [new UpstreamDeniedError('secret'), 503],
      [new ContentUnavailableError('secret'), 503],
      [new Error('secret'), 503],
      [new UpstreamProtocolError('secret'), 502],
    ] as const) {
      it(`answers ${status} to ${path.slice(18, 28)} after ${failure.name}, never that there are none`, async () => {
        fixture.lists.onAsk = () => Promise.reject(failure)
        const { status: got, headers, body } = await fixture.get(path)
        assert.equal(got, status)
        assert.equal(headers['cache-status'], 'layermesh; fwd=miss')
        assert.match(body.toString(), /"UNAVAILABLE"/)
        assert.doesNotMatch(body.toString(), /secret/)
        assert.equal((await fixture.log.whenLogged('list refused')).fields['err'], failure)
      })
    }

    it(`passes 429 on to ${path.slice(18, 28)}`, async () => {
      fixture.lists.onAsk = () => Promise.reject(new UpstreamRateLimitedError('no', 1500))
      const { status, headers } = await fixture.get(path)
      assert.deepEqual([status, headers['retry-after']], [429, '2'])
    })
  }

  it('answers 503 when upstream has said nothing for 10 seconds', async () => {
    const clock = new ManualClock()
    await using slow = await startMirror({ clock })
    const asked: PromiseWithResolvers<void> = Promise.withResolvers()
    slow.lists.onAsk = (signal) => {
      asked.resolve()
      return neverAnswers(0, signal)
    }
    const reply = slow.get(TAGS)
    await asked.promise
    clock.advance(10_000)
    assert.equal((await reply).status, 503)
  })

  it('stops asking when the client hangs up', async () => {
    const asked: PromiseWithResolvers<AbortSignal | undefined> = Promise.withResolvers()
    const ended: PromiseWithResolvers<void> = Promise.withResolvers()
    fixture.lists.onAsk = async (signal) => {
      asked.resolve(signal)
      await neverAnswers(0, signal).finally(() => ended.resolve())
    }
    using client = await RawClient.connect(fixture.port)
    client.request('GET', TAGS)
    await asked.promise
    client.socket.destroy()
    await ended.promise
  })

  it('asks with the access that the client has', async () => {
    for (const access of ['login', 'anonymous'] as const) {
      const told: [string, boolean][] = []
      await using limited = await startMirror({
        accessOf(upstream, isLocal) {
          told.push([upstream, isLocal])
          return access
        },
      })
      await limited.get(`${TAGS}?ns=quay.io`)
      await limited.get(REFERRERS)
      assert.deepEqual(limited.lists.access, [access, access])
      assert.deepEqual(told, [
        ['quay.io', true],
        ['docker.io', true],
      ])
    }
  })

  it('counts requests for lists', async () => {
    fixture.lists.tags = { tags: [], nextQuery: undefined }
    await fixture.get(TAGS)
    await fixture.get(REFERRERS)
    assert.equal(fixture.metrics.valueOf('mirror_requests_total', { kind: 'list', status: '2xx' }), 1)
    assert.equal(fixture.metrics.valueOf('mirror_requests_total', { kind: 'list', status: '4xx' }), 1)
  })

  describe('the tag that stands for a list of referrers', () => {
    const tag = digest.replace(':', '-')

    for (const suffix of ['', '.sig', '.att']) {
      it(`is 503 with the ending ${JSON.stringify(suffix)} when it can not be asked for`, async () => {
        fixture.content.failure = new ContentUnavailableError('upstream is down')
        assert.equal((await fixture.get(`/v2/a/b/manifests/${tag}${suffix}`)).status, 503)
        fixture.content.failure = new UpstreamDeniedError('no')
        assert.equal((await fixture.head(`/v2/a/b/manifests/${tag}${suffix}`)).status, 503)
      })
    }

    it('is 404 when upstream says so', async () => {
      assert.equal((await fixture.get(`/v2/a/b/manifests/${tag}`)).status, 404)
    })
  })
})
