import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import {
  buildImage,
  buildIndex,
  type BuiltImage,
  type BuiltIndex,
  createTempDir,
  type NodeProcess,
  type TempDir,
  whenHoldingsKnown,
} from '@layermesh/testkit'

import { type Containerd, startContainerd } from './clients/containerd.ts'
import { podmanPull, skopeoPull, writeRegistriesConf } from './clients/containers-image.ts'
import { Cluster, UPSTREAM_HOST } from './support/cluster.ts'
import { deployFile } from './support/deploy-file.ts'
import { buildDebianImage } from './support/debian-image.ts'
import { describeWithTools } from './support/debian-tools.ts'
import { blobBytesSent, type DockerRegistry, startDockerRegistry } from './support/docker-registry.ts'

const MiB = 1024 * 1024
const REPOSITORY = 'library/debian-files'
const TAG = 'v1'
const BY_TAG = `${UPSTREAM_HOST}/${REPOSITORY}:${TAG}`

describeWithTools(
  'a cluster of three nodes and real clients',
  { tools: ['docker-registry', 'containerd', 'ctr', 'skopeo', 'podman'], root: true },
  function () {
    this.timeout(600_000)

    let temp: TempDir
    let registry: DockerRegistry
    let cluster: Cluster
    let containerd: Containerd
    let image: BuiltImage
    let index: BuiltIndex
    /** Digests of everything that belongs to the tag, of this platform and of all. */
    let platformDigests: Set<string>
    let allDigests: Set<string>

    before(async () => {
      temp = await createTempDir()
      await mkdir(join(temp.path, 'upstream'))
      registry = await startDockerRegistry(join(temp.path, 'upstream'))
      image = await buildDebianImage(100 * MiB)
      const platform = { os: 'linux', architecture: 'arm64' }
      const other = await buildImage({ seed: 7, layerBytes: [64 * 1024], platform })
      index = buildIndex([image, other])
      await registry.push(REPOSITORY, TAG, index)
      platformDigests = new Set([index.manifest.descriptor.digest, ...image.contents.keys()])
      allDigests = new Set(index.contents.keys())

      cluster = new Cluster({ dir: temp.path, upstreamUrl: registry.url })
      for (const name of ['one', 'two', 'three']) await cluster.addNode(name)
      containerd = await startContainerd(join(temp.path, 'containerd'))
    })

    after(async () => {
      await containerd[Symbol.asyncDispose]()
      await cluster[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
      await temp[Symbol.asyncDispose]()
    })

    it('gives containerd the image through the first node, each byte of it once from upstream', async () => {
      const [one] = nodes(cluster)
      const sent = await countingBlobBytes(async () => containerd.pull(BY_TAG, await hostsDir(one)))
      const content = await containerd.contentDigests()
      assert.equal(await containerd.imageDigest(BY_TAG), index.manifest.descriptor.digest)
      assert.deepEqual(
        [...platformDigests].filter((digest) => !content.has(digest)),
        [],
      )
      const unique = [image.config, ...image.layers].reduce(
        (sum, { descriptor }) => sum + descriptor.sizeBytes,
        0,
      )
      assert.ok(unique >= 100 * MiB)
      report('containerd through node one', sent, unique)
      assert.equal(sent, unique)
    })

    it('gives skopeo all platforms through the second node, without a byte of a known blob from upstream', async () => {
      const [one, two] = nodes(cluster)
      await whenHoldingsKnown(two, one, platformDigests.size)
      const registriesConf = join(temp.path, 'two.conf')
      await writeRegistriesConf(registriesConf, UPSTREAM_HOST, two.mirrorUrl)
      const fresh = [...allDigests].filter((digest) => !platformDigests.has(digest))
      let pulled = new Set<string>()
      const before = registry.accesses.length
      const sent = await countingBlobBytes(async () => {
        pulled = await skopeoPull(BY_TAG, { dir: join(temp.path, 'skopeo'), registriesConf })
      })
      assert.deepEqual(
        [...allDigests].filter((digest) => !pulled.has(digest)),
        [],
      )
      const ofKnownBlobs = blobBytesSent(
        registry.accesses.slice(before).filter(({ path }) => !fresh.some((digest) => path.includes(digest))),
      )
      report('skopeo through node two, known blobs', ofKnownBlobs, 0)
      assert.equal(ofKnownBlobs, 0)
      assert.ok(sent < MiB, 'the other platform is small')
    })

    it('gives podman the image through the third node, without a byte of a blob from upstream', async () => {
      const [one, two, three] = nodes(cluster)
      await whenHoldingsKnown(three, one, platformDigests.size)
      await whenHoldingsKnown(three, two, allDigests.size)
      const registriesConf = join(temp.path, 'three.conf')
      await writeRegistriesConf(registriesConf, UPSTREAM_HOST, three.mirrorUrl)
      const sent = await countingBlobBytes(async () => {
        const pulled = await podmanPull(BY_TAG, { dir: join(temp.path, 'podman'), registriesConf })
        assert.equal(pulled.configDigest, image.config.descriptor.digest)
        assert.ok(
          [index.manifest.descriptor.digest, image.manifest.descriptor.digest].some(
            (digest) => digest === pulled.digest,
          ),
        )
      })
      report('podman through node three', sent, 0)
      assert.equal(sent, 0)
    })

    it('serves the image by tag and by digest from a node that never had it when upstream is gone', async () => {
      await registry.stop()
      const four = await cluster.addNode('four')
      for (const node of nodes(cluster).slice(0, 3)) await whenHoldingsKnown(four, node, platformDigests.size)
      const hosts = await hostsDir(four)
      const byDigest = `${UPSTREAM_HOST}/${REPOSITORY}@${index.manifest.descriptor.digest}`
      await containerd.remove(BY_TAG)
      assert.deepEqual([...(await containerd.contentDigests())], [], 'containerd has forgotten the image')
      await containerd.pull(byDigest, hosts)
      await containerd.remove(byDigest)
      await containerd.pull(BY_TAG, hosts)
      const content = await containerd.contentDigests()
      assert.equal(await containerd.imageDigest(BY_TAG), index.manifest.descriptor.digest)
      assert.deepEqual(
        [...platformDigests].filter((digest) => !content.has(digest)),
        [],
      )
    })

    async function countingBlobBytes(action: () => Promise<void>): Promise<number> {
      const before = registry.accesses.length
      await action()
      await registry.settled()
      return blobBytesSent(registry.accesses.slice(before))
    }

    async function hostsDir(node: NodeProcess): Promise<string> {
      const dir = join(temp.path, `hosts-${node.pid}`)
      await mkdir(join(dir, '_default'), { recursive: true })
      await writeFile(
        join(dir, '_default', 'hosts.toml'),
        await deployFile('containerd/hosts.toml', node.mirrorUrl),
      )
      return dir
    }
  },
)

function nodes(cluster: Cluster): [NodeProcess, NodeProcess, NodeProcess] {
  const [one, two, three] = cluster.nodes
  assert.ok(one !== undefined && two !== undefined && three !== undefined)
  return [one, two, three]
}

function report(what: string, bytes: number, expected: number): void {
  console.log(`      ${what}: upstream counted ${bytes} bytes of blobs, expected ${expected}`)
}
