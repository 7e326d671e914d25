import assert from 'node:assert/strict'
import { OCI_INDEX, OCI_MANIFEST } from '@layermesh/oci'
import { builtJson, type Fault } from '@layermesh/testkit'
import { MAX_LIST_BYTES } from '../src/list-reply.ts'
import { REF, REPOSITORY, startFixture, type OriginFixture } from './support/client-fixture.ts'

describe('lists of an upstream', () => {
  let fixture: OriginFixture

  beforeEach(async () => {
    fixture = await startFixture({ auth: 'bearer' })
  })

  afterEach(() => fixture[Symbol.asyncDispose]())

  function script(action: Fault['action'], kind: 'tags' | 'referrers' = 'tags'): void {
    fixture.origin.script({ match: { kind }, action })
  }

  describe('getTags', () => {
    it('gets a page, and the query of the next', async () => {
      const { client, image, origin } = fixture
      for (const tag of ['v1', 'v2']) origin.add(REPOSITORY, image, { tag })
      assert.deepEqual(await client.getTags(REF, 'n=2'), { tags: ['latest', 'v1'], nextQuery: 'n=2&last=v1' })
      assert.deepEqual(await client.getTags(REF, 'n=2&last=v1'), { tags: ['v2'], nextQuery: undefined })
    })

    for (const [link, nextQuery] of [
      ['<https://elsewhere.example/v2/x/tags/list?last=b&n=1>; rel="next"', 'last=b&n=1'],
      ['<?next_page=a%3D%3D&ns=reg.example>; rel="next"', 'next_page=a%3D%3D'],
      ['</v2/x/tags/list?last=a>; rel="prev"', undefined],
    ] as const) {
      it(`understands Link: ${link}`, async () => {
        script({ type: 'setHeaders', headers: { link } })
        assert.equal((await fixture.client.getTags(REF, '')).nextQuery, nextQuery)
      })
    }

    it('takes null for an empty list', async () => {
      script({ type: 'status', status: 200, body: '{"name":"a","tags":null}' })
      assert.deepEqual((await fixture.client.getTags(REF, '')).tags, [])
    })

    for (const body of ['<html>', '[]x', 'null', '{"tags":"a"}', '{"tags":[1]}']) {
      it(`rejects with ERR_UPSTREAM_PROTOCOL when the page is ${body}`, async () => {
        script({ type: 'status', status: 200, body })
        await assert.rejects(fixture.client.getTags(REF, ''), { code: 'ERR_UPSTREAM_PROTOCOL' })
      })
    }

    it('rejects with ERR_UPSTREAM_PROTOCOL when the page is too long', async () => {
      script({ type: 'status', status: 200, body: ' '.repeat(MAX_LIST_BYTES + 1) })
      await assert.rejects(fixture.client.getTags(REF, ''), { code: 'ERR_UPSTREAM_PROTOCOL' })
    })

    for (const [status, code] of [
      [404, 'ERR_UPSTREAM_NOT_FOUND'],
      [403, 'ERR_UPSTREAM_DENIED'],
      [429, 'ERR_UPSTREAM_RATE_LIMITED'],
    ] as const) {
      it(`rejects with ${code} when upstream says ${status}`, async () => {
        script({ type: 'status', status })
        await assert.rejects(fixture.client.getTags(REF, ''), { code })
      })
    }

    it('leaves what is not limited alone after a 429', async () => {
      script({ type: 'status', status: 429 })
      await assert.rejects(fixture.client.getTags(REF, ''), { code: 'ERR_UPSTREAM_RATE_LIMITED' })
      await assert.rejects(fixture.client.getTags(REF, ''), { code: 'ERR_UPSTREAM_RATE_LIMITED' })
      assert.equal(fixture.origin.requests.filter(({ status }) => status === 429).length, 1)
      assert.ok(await fixture.client.headManifest(REF, 'latest'))
    })
  })

  describe('getReferrers', () => {
    it('gets the index byte for byte, and what it was filtered by', async () => {
      const { client, image, origin } = fixture
      const { digest } = image.manifest.descriptor
      const none = await client.getReferrers(REF, digest, '')
      assert.deepEqual(JSON.parse(Buffer.from(none.bytes).toString()), {
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [],
      })
      assert.equal(none.filtersApplied, undefined)
      const signature = builtJson({ artifactType: 'a/b', subject: { digest } }, OCI_MANIFEST)
      origin.add(REPOSITORY, {
        manifest: signature,
        contents: new Map([[signature.descriptor.digest, signature]]),
      })
      const found = await client.getReferrers(REF, digest, 'artifactType=a%2Fb')
      assert.equal(found.filtersApplied, 'artifactType')
      assert.match(Buffer.from(found.bytes).toString(), new RegExp(signature.descriptor.digest))
      assert.equal(found.nextQuery, undefined)
    })

    it('rejects with ERR_UPSTREAM_NOT_FOUND when upstream has no such endpoint', async () => {
      script({ type: 'status', status: 404 }, 'referrers')
      const { client, image } = fixture
      await assert.rejects(client.getReferrers(REF, image.manifest.descriptor.digest, ''), {
        code: 'ERR_UPSTREAM_NOT_FOUND',
      })
    })

    it('rejects with ERR_UPSTREAM_PROTOCOL when it is answered with something else', async () => {
      script({ type: 'status', status: 200, body: '{"message":"welcome"}' }, 'referrers')
      const { client, image } = fixture
      await assert.rejects(client.getReferrers(REF, image.manifest.descriptor.digest, ''), {
        code: 'ERR_UPSTREAM_PROTOCOL',
      })
    })
  })
})
