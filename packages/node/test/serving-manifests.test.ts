import assert from 'node:assert/strict'

import { digestOf, DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_INDEX, OCI_MANIFEST } from '@layermesh/oci'
import {
  artifactOf,
  buildImage,
  buildIndex,
  type BuiltImage,
  type BuiltContent,
  builtContent,
  type BuiltArtifact,
  type BuiltIndex,
  builtJson,
  type Fault,
} from '@layermesh/testkit'

import { type Reply, type ServedNode, startServedNode } from './support/served-node.ts'

const MiB = 1024 * 1024
const SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws'
const MODERN = [DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_MANIFEST, OCI_INDEX]

/** What clients send when they ask for a tag. */
const ACCEPTS: Readonly<Record<string, string | string[] | undefined>> = {
  'containerd, BuildKit and dockerd with its store': `${MODERN.join(', ')}, */*`,
  'dockerd classic, line by line': [SCHEMA1, 'application/json', ...MODERN],
  'podman, skopeo and CRI-O, line by line': [
    OCI_MANIFEST,
    DOCKER_MANIFEST,
    SCHEMA1,
    DOCKER_MANIFEST_LIST,
    OCI_INDEX,
  ],
  crane: `${DOCKER_MANIFEST},${SCHEMA1},${OCI_INDEX},${DOCKER_MANIFEST_LIST},${OCI_MANIFEST}`,
  oras: [...MODERN, 'application/vnd.oci.artifact.manifest.v1+json'].join(', '),
  'the conformance suite': `${OCI_INDEX}, ${OCI_MANIFEST}`,
  curl: '*/*',
  nothing: undefined,
  'any application': 'application/*',
}

describe('manifests from a node', () => {
  let served: ServedNode
  let image: BuiltImage
  let index: BuiltIndex
  let count = 0

  before(async function () {
    served = await startServedNode()
    image = await buildImage({ seed: 1, layerBytes: [1000] })
    index = buildIndex([image, await buildImage({ seed: 2, layerBytes: [1000] })])
  })

  after(() => served[Symbol.asyncDispose]())

  /** A repository that no other test uses, with an artifact under `v1`. */
  function serve(artifact: BuiltArtifact): string {
    count += 1
    const repository = `manifests/r${count}`
    served.origin.add(repository, artifact, { tag: 'v1' })
    return repository
  }

  /** As {@link serve}, with a manifest that nobody has seen: the one of `like`, and a number in it. */
  function serveNew(like: BuiltArtifact = image): { repository: string; manifest: BuiltContent } {
    const value = JSON.parse(Buffer.from(like.manifest.bytes).toString()) as object
    const { mediaType } = like.manifest.descriptor
    const manifest = builtJson({ ...value, annotations: { count: String(count) } }, mediaType)
    return { repository: serve(artifactOf(manifest, [...like.contents.values()])), manifest }
  }

  function expectManifest(
    { status, headers }: Reply,
    { descriptor }: BuiltImage['manifest'],
    digest = descriptor.digest,
  ): void {
    assert.equal(status, 200)
    assert.equal(headers['content-type'], descriptor.mediaType)
    assert.equal(headers['content-length'], String(descriptor.sizeBytes))
    assert.equal(headers['docker-content-digest'], digest)
    assert.equal(headers['etag'], `"${digest}"`)
    assert.equal(headers['docker-distribution-api-version'], 'registry/2.0')
    assert.equal(headers['content-encoding'], undefined)
  }

  for (const algorithm of ['sha256', 'sha512'] as const) {
    it(`are complete on GET and HEAD, by tag and by digest of ${algorithm}, cold and warm`, async () => {
      const manifest = builtContent(image.manifest.bytes, OCI_MANIFEST, algorithm)
      const repository = serve(artifactOf(manifest, [...image.contents.values()]))
      const { digest } = manifest.descriptor
      for (const reference of ['v1', digest]) {
        for (const method of ['head', 'get', 'head'] as const) {
          const reply = await served[method](`/v2/${repository}/manifests/${reference}?ns=origin.test`)
          expectManifest(reply, manifest, digest)
          assert.equal(reply.headers['oci-namespace'], 'origin.test')
          assert.deepEqual(reply.body, method === 'head' ? Buffer.alloc(0) : Buffer.from(manifest.bytes))
        }
      }
    })
  }

  for (const [title, action] of [
    ['no digest', { type: 'omitHeaders', names: ['docker-content-digest'] }],
    ['no length', { type: 'omitHeaders', names: ['content-length'] }],
    ['no type', { type: 'omitHeaders', names: ['content-type'] }],
    ['text/plain', { type: 'setHeaders', headers: { 'content-type': 'text/plain; charset=utf-8' } }],
    ['application/json', { type: 'setHeaders', headers: { 'content-type': 'application/json' } }],
    [
      'a type with parameters',
      { type: 'setHeaders', headers: { 'content-type': `${OCI_MANIFEST}; charset=utf-8` } },
    ],
    ['a compressed body', { type: 'gzip' }],
    ['an ETag of its own', { type: 'setHeaders', headers: { etag: 'W/"1"' } }],
  ] satisfies [string, Fault['action']][]) {
    it(`are right though upstream sends ${title}`, async () => {
      const { repository, manifest } = serveNew()
      served.script(repository, { kind: 'manifest' }, action)
      expectManifest(await served.head(`/v2/${repository}/manifests/v1`), manifest)
      const reply = await served.get(`/v2/${repository}/manifests/v1`)
      expectManifest(reply, manifest)
      assert.deepEqual(reply.body, Buffer.from(manifest.bytes))
    })
  }

  it('have their own type once they are here, though upstream names that of an index', async () => {
    const { repository, manifest } = serveNew()
    const headers = { 'content-type': OCI_INDEX }
    served.script(repository, { kind: 'manifest' }, { type: 'setHeaders', headers })
    expectManifest(await served.get(`/v2/${repository}/manifests/v1`), manifest)
    expectManifest(await served.head(`/v2/${repository}/manifests/v1`), manifest)
  })

  for (const [title, value, expected] of [
    ['an index', { schemaVersion: 2, manifests: [] }, OCI_INDEX],
    ['an image', { schemaVersion: 2, config: {}, layers: [] }, OCI_MANIFEST],
  ] as const) {
    it(`get the type of ${title} from their shape when nobody says it`, async () => {
      const repository = serve(artifactOf(builtJson(value, 'application/octet-stream')))
      const { headers } = await served.get(`/v2/${repository}/manifests/v1`)
      assert.equal(headers['content-type'], expected)
    })
  }

  for (const [title, artifact] of [
    [
      'an artifact of a type of its own',
      builtJson(
        {
          schemaVersion: 2,
          mediaType: OCI_MANIFEST,
          artifactType: 'application/vnd.x',
          config: {},
          layers: [],
        },
        OCI_MANIFEST,
      ),
    ],
    [
      'a manifest that nobody has heard of',
      builtJson({ mediaType: 'application/vnd.x.y+json' }, 'application/vnd.x.y+json'),
    ],
    [
      'an index with children that are nowhere',
      builtJson(
        {
          schemaVersion: 2,
          mediaType: OCI_INDEX,
          manifests: [{ mediaType: OCI_MANIFEST, size: 1, digest: digestOf(Buffer.from('x')) }],
        },
        OCI_INDEX,
      ),
    ],
  ] as const) {
    it(`are passed on untouched when they are ${title}`, async () => {
      const repository = serve(artifactOf(artifact))
      const reply = await served.get(`/v2/${repository}/manifests/v1`)
      expectManifest(reply, artifact)
      assert.deepEqual(reply.body, Buffer.from(artifact.bytes))
    })
  }

  it('are 404 when they are of schema 1', async () => {
    const schema1 = builtJson({ schemaVersion: 1, name: 'a', tag: 'v1', fsLayers: [], history: [] }, SCHEMA1)
    const repository = serve(artifactOf(schema1))
    for (const reference of ['v1', schema1.descriptor.digest]) {
      const { status, body } = await served.get(`/v2/${repository}/manifests/${reference}`)
      assert.equal(status, 404)
      assert.match(body.toString(), /"MANIFEST_UNKNOWN"/)
    }
  })

  for (const [title, sizeBytes, status] of [
    ['as long as runtimes take', 4 * MiB, 200],
    ['longer than that', 4 * MiB + 1, 404],
  ] as const) {
    it(`are ${status} when they are ${title}`, async () => {
      const text = `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[],"x":"`
      const bytes = Buffer.from(`${text}${'x'.repeat(sizeBytes - text.length - 2)}"}`)
      const repository = serve(artifactOf(builtContent(bytes, OCI_INDEX)))
      const { body, ...reply } = await served.get(`/v2/${repository}/manifests/v1`)
      assert.equal(reply.status, status)
      if (status === 200) assert.ok(body.equals(bytes))
    })
  }

  it('are 404, and not kept, when their bytes are others than upstream says', async () => {
    const repository = serve(
      artifactOf(builtJson({ schemaVersion: 2, manifests: [], annotations: {} }, OCI_INDEX)),
    )
    const match = { kind: 'manifest', method: 'GET' } as const
    const fault = served.script(repository, match, { type: 'corrupt', offset: 20 })
    assert.equal((await served.get(`/v2/${repository}/manifests/v1`)).status, 404)
    fault[Symbol.dispose]()
    assert.equal((await served.get(`/v2/${repository}/manifests/v1`)).status, 200)
  })

  describe('by Accept', () => {
    for (const [client, accept] of Object.entries(ACCEPTS)) {
      it(`are given to ${client}, index or image, and upstream is asked for modern types only`, async () => {
        for (const artifact of [image, index]) {
          const repository = serve(artifact)
          const reply = await served.get(
            `/v2/${repository}/manifests/v1`,
            accept === undefined ? {} : { accept },
          )
          expectManifest(reply, artifact.manifest)
          for (const { headers } of served.origin.requests.filter((each) => each.repository === repository)) {
            assert.deepEqual(headers.accept?.split(', ').toSorted(), MODERN.toSorted())
          }
        }
      })
    }

    it('are 404, not 406, when a client would take an index for an image', async () => {
      const repository = serve(index)
      const { status, body } = await served.get(`/v2/${repository}/manifests/v1`, { accept: DOCKER_MANIFEST })
      assert.equal(status, 404)
      assert.match(body.toString(), /"MANIFEST_UNKNOWN"/)
    })

    it('are given by digest whatever is accepted', async () => {
      const repository = serve(index)
      const path = `/v2/${repository}/manifests/${index.manifest.descriptor.digest}`
      expectManifest(await served.get(path, { accept: 'text/html' }), index.manifest)
    })
  })

  it('are 304 to who has them and says so, and to nobody else', async () => {
    const { repository, manifest } = serveNew()
    const { digest } = manifest.descriptor
    const path = `/v2/${repository}/manifests/v1`
    for (const tag of [`"${digest}"`, digest, '*', `"x", W/"${digest}"`]) {
      assert.equal((await served.head(path, { 'if-none-match': tag })).status, 304)
    }
    assert.equal((await served.head(path, { 'if-none-match': '"x"' })).status, 200)
    assert.equal((await served.head(path)).status, 200)
  })

  it('are whole when a range is asked for, as containerd does with each request', async () => {
    const { repository, manifest } = serveNew()
    const { digest } = manifest.descriptor
    const reply = await served.get(`/v2/${repository}/manifests/${digest}`, { range: 'bytes=0-' })
    expectManifest(reply, manifest)
  })

  it('are never somewhere else: what upstream redirects is followed', async () => {
    const { repository, manifest } = serveNew()
    const other = serve(artifactOf(manifest))
    const location = `${served.origin.url}/v2/${other}/manifests/${manifest.descriptor.digest}`
    served.script(repository, { kind: 'manifest' }, { type: 'redirect', location })
    for (const method of ['head', 'get'] as const) {
      expectManifest(await served[method](`/v2/${repository}/manifests/v1`), manifest)
    }
  })

  it('are asked for by HEAD, and got by digest', async () => {
    const { repository, manifest } = serveNew()
    await served.get(`/v2/${repository}/manifests/v1`)
    const asked = served.origin.requests.filter((each) => each.repository === repository)
    const { digest } = manifest.descriptor
    assert.deepEqual(asked.map(({ method, reference }) => `${method} ${reference}`).slice(0, 1), ['HEAD v1'])
    assert.ok(asked.every(({ method, reference }) => method === 'HEAD' || reference === digest))
  })
})
