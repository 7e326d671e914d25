import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { MANIFEST_MEDIA_TYPES, OCI_MANIFEST } from '@layermesh/oci'
import {
  artifactOf,
  buildImage,
  buildIndex,
  builtContent,
  builtJson,
  createTempDir,
  startOrigin,
  type BuiltContent,
  type NodeProcess,
  type OriginRegistry,
  type TempDir,
} from '@layermesh/testkit'

import { Cluster, UPSTREAM_HOST } from './support/cluster.ts'
import {
  buildConformance,
  missingForConformance,
  READ_ONLY_BRANCHES,
  runConformance,
  type ReadOnlyData,
} from './support/conformance-suite.ts'

const REPOSITORY = 'conformance/repo1'
const missing = missingForConformance()
const describeOrSkip = missing === undefined ? describe : xdescribe

describeOrSkip(
  `the conformance suite of the distribution-spec, without pushing${missing === undefined ? '' : ` (skipped: needs ${missing})`}`,
  function () {
    this.timeout(600_000)

    const stack = new AsyncDisposableStack()
    let temp: TempDir
    let node: NodeProcess
    let binary: string
    let data: Omit<ReadOnlyData, 'registry' | 'repository'>

    before(async () => {
      temp = stack.use(await createTempDir())
      await mkdir(join(temp.path, 'bin'))
      binary = await buildConformance(join(temp.path, 'bin'))
      const origin = stack.use(await startOrigin({ auth: 'bearer' }))
      data = await fill(origin)
      const cluster = stack.use(new Cluster({ dir: temp.path, upstreamUrl: origin.url }))
      node = await cluster.addNode('one')
    })

    after(() => stack.disposeAsync())

    for (const [title, repository] of [
      ['of the upstream that is asked when none is named', REPOSITORY],
      ['of an upstream that is named by a prefix', `${UPSTREAM_HOST}/${REPOSITORY}`],
    ] as const) {
      for (const branch of READ_ONLY_BRANCHES) {
        it(`passes "${branch}" for a repository ${title}`, async () => {
          const registry = new URL(node.mirrorUrl).host
          const results = join(temp.path, 'results')
          const counts = await runConformance(binary, results, branch, { registry, repository, ...data })
          assert.equal(counts.failed, 0)
          assert.ok(counts.passed > 0, String(counts.passed))
        })
      }
    }
  },
)

/** What the suite reads: images of both digest algorithms, an index, a signature of it, the empty blob. */
async function fill(origin: OriginRegistry): Promise<Omit<ReadOnlyData, 'registry' | 'repository'>> {
  const platform = { os: 'linux', architecture: 'arm64' }
  const images = [
    await buildImage({ seed: 1, layerBytes: [100_000, 2_000_000] }),
    await buildImage({ seed: 2, layerBytes: [50_000], platform }),
  ]
  const index = buildIndex(images)
  const config = builtContent(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json', 'sha512')
  const layer = builtContent(new Uint8Array(), 'application/vnd.oci.image.layer.v1.tar', 'sha512')
  const artifact = builtJson(manifestOf(config, [layer]), OCI_MANIFEST, 'sha512')
  const signature = builtJson(
    {
      ...manifestOf(images[0]!.config, []),
      artifactType: 'application/vnd.example.signature',
      subject: descriptorOf(index.manifest),
    },
    OCI_MANIFEST,
  )
  const empty = builtContent(new Uint8Array(), 'application/vnd.oci.image.layer.v1.tar')
  origin.add(REPOSITORY, index, { tag: 'latest' })
  origin.add(REPOSITORY, artifactOf(artifact, [config, layer]), { tag: 'sha512' })
  origin.add(REPOSITORY, artifactOf(signature, [empty]), { tag: 'signature' })
  const contents = [index, artifactOf(artifact, [config, layer]), artifactOf(signature, [empty])].flatMap(
    (each) => [...each.contents.values()],
  )
  const digests = (isManifest: boolean) =>
    contents
      .filter(({ descriptor }) => MANIFEST_MEDIA_TYPES.includes(descriptor.mediaType) === isManifest)
      .map(({ descriptor }) => descriptor.digest)
  return {
    tags: ['latest', 'sha512', 'signature'],
    manifests: digests(true),
    blobs: digests(false),
    referrers: [index.manifest.descriptor.digest, images[1]!.manifest.descriptor.digest],
  }
}

function manifestOf(config: BuiltContent, layers: readonly BuiltContent[]) {
  return {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptorOf(config),
    layers: layers.map(descriptorOf),
  }
}

function descriptorOf({ descriptor: { digest, mediaType, sizeBytes } }: BuiltContent) {
  return { mediaType, digest, size: sizeBytes }
}
