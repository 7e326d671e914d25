import assert from 'node:assert/strict'

import { silentLog } from '@layermesh/interface'
import { OCI_INDEX, OCI_MANIFEST } from '@layermesh/oci'
import { artifactOf, type BuiltArtifact, builtJson, createTempDir, startOrigin } from '@layermesh/testkit'

import { startNode } from '../src/index.ts'
import { type ServedNode, startServedNode } from './support/served-node.ts'
import { testConfig } from './support/test-config.ts'

const TAGS = ['v1', 'v2', 'v3', 'v4', 'v5']

describe('lists from a node', () => {
  let served: ServedNode
  let image: BuiltArtifact
  let count = 0

  before(async () => {
    served = await startServedNode()
    image = artifactOf(builtJson({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }, OCI_INDEX))
  })

  after(() => served[Symbol.asyncDispose]())

  function serve(tags: readonly string[]): string {
    count += 1
    const repository = `lists/r${count}`
    for (const tag of tags) served.origin.add(repository, image, { tag })
    return repository
  }

  /** Follows links as crane and `docker pull -a` do: to where the link says, on the host that was asked. */
  async function allTags(first: string): Promise<string[]> {
    const found: string[] = []
    let path: string | undefined = first
    while (path !== undefined) {
      const { status, headers, body } = await served.get(path)
      assert.equal(status, 200)
      found.push(...(JSON.parse(body.toString()) as { tags: string[] }).tags)
      path = /^<(.+)>; rel="next"$/.exec(String(headers['link']))?.[1]
    }
    return found
  }

  describe('tags', () => {
    for (const [title, pathOf] of [
      ['without a hint', (name: string) => `/v2/${name}/tags/list?n=2`],
      ['with ns', (name: string) => `/v2/${name}/tags/list?ns=origin.test&n=2`],
      ['with a prefix after /v2', (name: string) => `/v2/origin.test/${name}/tags/list?n=2`],
      ['with a prefix before /v2', (name: string) => `/origin.test/v2/${name}/tags/list?n=2`],
    ] as const) {
      it(`come page by page ${title}`, async () => {
        assert.deepEqual(await allTags(pathOf(serve(TAGS))), TAGS)
      })
    }

    it('come page by page from an upstream that writes absolute links', async () => {
      const repository = serve(TAGS)
      const link = `<${served.origin.url}/v2/${repository}/tags/list?n=2&last=v2&ns=x>; rel="next"`
      served.origin.script({
        match: { repository, kind: 'tags' },
        action: { type: 'setHeaders', headers: { link } },
        times: 1,
      })
      assert.deepEqual(await allTags(`/v2/${repository}/tags/list?n=2`), TAGS)
    })

    it('begin after the one that the client has', async () => {
      assert.deepEqual(await allTags(`/v2/${serve(TAGS)}/tags/list?last=v3`), ['v4', 'v5'])
    })

    it('are those of upstream now, not those that are known here', async () => {
      const repository = serve(['v1'])
      await served.get(`/v2/${repository}/manifests/v1`)
      served.origin.remove(repository, 'v1')
      served.origin.add(repository, image, { tag: 'v2' })
      assert.deepEqual(await allTags(`/v2/${repository}/tags/list`), ['v2'])
    })

    it('are 404 for a repository that upstream does not know', async () => {
      assert.equal((await served.get('/v2/lists/none/tags/list')).status, 404)
    })
  })

  describe('referrers', () => {
    it('are those of upstream, in an index', async () => {
      const repository = serve(['v1'])
      const { digest } = image.manifest.descriptor
      const path = `/v2/${repository}/referrers/${digest}`
      const none = await served.get(path)
      assert.equal(none.status, 200)
      assert.equal(none.headers['content-type'], OCI_INDEX)
      assert.deepEqual((JSON.parse(none.body.toString()) as { manifests: unknown }).manifests, [])
      const signature = builtJson({ artifactType: 'a/b', subject: { digest } }, OCI_MANIFEST)
      served.origin.add(repository, artifactOf(signature))
      const { headers, body } = await served.get(`${path}?artifactType=a%2Fb`)
      assert.equal(headers['oci-filters-applied'], 'artifactType')
      assert.match(body.toString(), new RegExp(signature.descriptor.digest))
    })

    it('are 404 at a registry without them, and their tag is served', async () => {
      const repository = serve(['v1'])
      const { digest } = image.manifest.descriptor
      served.script(repository, { kind: 'referrers' }, { type: 'status', status: 404 })
      assert.equal((await served.get(`/v2/${repository}/referrers/${digest}`)).status, 404)
      const tag = digest.replace(':', '-')
      assert.equal((await served.get(`/v2/${repository}/manifests/${tag}`)).status, 404)
      served.origin.add(`${repository}-signed`, image, { tag })
      assert.equal((await served.get(`/v2/${repository}-signed/manifests/${tag}`)).status, 200)
    })

    it('are 502 when upstream answers with something else', async () => {
      const repository = serve(['v1'])
      served.script(repository, { kind: 'referrers' }, { type: 'status', status: 200, body: '<html>' })
      const { status } = await served.get(`/v2/${repository}/referrers/${image.manifest.descriptor.digest}`)
      assert.equal(status, 502)
    })
  })

  it('are 503 while upstream is away, and so is the tag that stands for one; anything else is 404', async () => {
    await using temp = await createTempDir()
    const origin = await startOrigin()
    await origin.close()
    const node = await startNode(
      await testConfig({ name: 'two', dataDir: temp.path, originUrl: origin.url }),
      silentLog,
    )
    const [address = ''] = node.addresses.mirror
    const { digest } = image.manifest.descriptor
    const statusOf = async (path: string) => {
      const reply = await fetch(`http://${address}${path}`)
      await reply.body?.cancel()
      return reply.status
    }
    try {
      assert.equal(await statusOf('/v2/'), 200)
      assert.equal(await statusOf('/v2/a/b/tags/list'), 503)
      assert.equal(await statusOf(`/v2/a/b/referrers/${digest}`), 503)
      assert.equal(await statusOf(`/v2/a/b/manifests/${digest.replace(':', '-')}.sig`), 503)
      assert.equal(await statusOf('/v2/a/b/manifests/latest'), 404)
      assert.equal(await statusOf(`/v2/a/b/blobs/${digest}`), 404)
    } finally {
      await node.stop()
    }
  })

  describe('while a registry limits our requests', () => {
    const limit = { type: 'status', status: 429, headers: { 'retry-after': '60' } } as const

    it('the client is told, for how long, and the registry is left alone', async () => {
      await using limited = await startServedNode()
      limited.origin.add('a/b', image, { tag: 'v1' })
      const fault = limited.script('a/b', { kind: 'manifest' }, limit)
      // containerd sends it again at once, five times.
      for (let sent = 0; sent < 6; sent += 1) {
        const { status, headers } = await limited.head('/v2/a/b/manifests/v1')
        assert.equal(status, 429)
        const seconds = Number(headers['retry-after'])
        assert.ok(seconds > 0 && seconds <= 60, String(seconds))
      }
      assert.equal(fault.hits, 1)
    })

    it('the client is sent there itself if the node is told to hide it', async () => {
      await using limited = await startServedNode(['mirror.rateLimits=hide'])
      limited.origin.add('a/b', image, { tag: 'v1' })
      limited.script('a/b', { kind: 'manifest' }, limit)
      assert.equal((await limited.head('/v2/a/b/manifests/v1')).status, 404)
    })
  })
})
