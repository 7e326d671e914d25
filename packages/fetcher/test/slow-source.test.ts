import assert from 'node:assert/strict'

import { buildImage, type BuiltContent, until } from '@layermesh/testkit'

import { piecesOf, providedPieces, readAll, refTo, REPOSITORY, TestCluster } from './support/test-cluster.ts'

const MiB = 1024 * 1024

describe('a source that is slow', () => {
  let cluster: TestCluster
  let layer: BuiltContent

  beforeEach(async () => {
    cluster = await TestCluster.create()
    const [first] = (await buildImage({ seed: 41, layerBytes: [5 * MiB] })).layers
    assert.ok(first !== undefined)
    layer = first
    const { digest } = layer.descriptor
    cluster.origin.add(REPOSITORY, { manifest: layer, contents: new Map([[digest, layer]]) })
  })

  afterEach(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  /** Content of which the first piece comes, and then a few bytes that never end. */
  function trickling() {
    const pieces = piecesOf(layer.bytes, MiB)
    const content = providedPieces(pieces, { pieceBytes: MiB })
    return {
      ...content,
      async piece(index: number, { signal }: { readonly signal: AbortSignal }) {
        const piece = await content.piece(index, { signal })
        if (index === 0) return piece
        return {
          ...piece,
          async *read() {
            yield pieces[index]?.subarray(0, 1000) ?? new Uint8Array()
            await new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason as Error))
            })
          },
        }
      },
    }
  }

  it('is left for another holder, at the piece where it was, and asked last for a while', async () => {
    const { digest } = layer.descriptor
    let asked = 0
    const slow = await cluster.addScriptedPeer('slow', layer.descriptor, async () => {
      asked += 1
      return trickling()
    })
    const node = await cluster.addNode('one')
    await until(async () => node.directory.holders(digest).includes(slow.self.peer))
    const reading = node.fetcher.openBlob(refTo(digest)).then(readAll)
    await until(async () => node.fetcher.fetchedBytes('site') === MiB)
    const quick = await cluster.addScriptedPeer('quick', layer.descriptor, async () =>
      providedPieces(piecesOf(layer.bytes, MiB), { pieceBytes: MiB }),
    )
    assert.deepEqual(await reading, layer.bytes)
    assert.equal(node.fetcher.fetchedBytes('site'), layer.bytes.length)
    assert.equal(cluster.origin.account().blobBytes, 0)
    assert.equal(node.network.members().length, 2, 'nobody is banned for being slow')
    await node.storage.blobs.remove(digest, 'purged')
    assert.ok(node.directory.holders(digest).includes(quick.self.peer))
    assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest))), layer.bytes)
    assert.equal(asked, 1)
  })
})
