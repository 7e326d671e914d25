import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Log } from '@layermesh/interface'
import {
  buildImage,
  type BuiltImage,
  createTempDir,
  type OriginRegistry,
  pullImage,
  startOrigin,
  type TempDir,
} from '@layermesh/testkit'
import { request } from 'undici'
import { type RunningNode, startNode } from '../src/index.ts'
import { testConfig } from './support/test-config.ts'

const REPOSITORY = 'library/looped'

describe('mirrors that name each other', () => {
  let temp: TempDir
  let origin: OriginRegistry
  let image: BuiltImage
  let door: Server
  let target: string | undefined
  let warnings: string[]
  const sockets = new Set<Socket>()
  const running: RunningNode[] = []

  before(async () => {
    image = await buildImage({ seed: 9, layerBytes: [1000] })
  })

  beforeEach(async () => {
    temp = await createTempDir()
    origin = await startOrigin()
    origin.add(REPOSITORY, image, { tag: 'latest' })
    warnings = []
    // An address that is known before the node is there that it leads to.
    door = createServer((socket) => {
      const onward = connect(Number(target?.split(':').at(-1)), '127.0.0.1')
      for (const each of [socket, onward]) {
        sockets.add(each)
        each.on('error', () => {})
      }
      socket.pipe(onward).pipe(socket)
    })
    door.listen(0, '127.0.0.1')
    await once(door, 'listening')
  })

  afterEach(async () => {
    await Promise.all(running.splice(0).map((node) => node.stop()))
    for (const socket of sockets) socket.destroy()
    door.close()
    await origin.close()
    await temp[Symbol.asyncDispose]()
  })

  const nothing = () => {}
  const log: Log = {
    ...{ error: nothing, info: nothing, debug: nothing, trace: nothing, child: () => log },
    warn: (_fields, message) => void warnings.push(message),
  }
  const doorUrl = () => `http://127.0.0.1:${(door.address() as AddressInfo).port}`

  async function start(name: string, upstream: string): Promise<RunningNode> {
    const config = await testConfig({ name, dataDir: join(temp.path, name), originUrl: origin.url }, [
      `upstreams=[{host: origin.test, ${upstream}}]`,
    ])
    const node = await startNode(config, log)
    running.push(node)
    return node
  }

  const urlOf = (node: RunningNode) => `http://${node.addresses.mirror[0]}`

  it('still get what their registry has, once', async () => {
    const one = await start('one', `mirrors: ["${doorUrl()}"]`)
    const two = await start('two', `mirrors: ["${urlOf(one)}"]`)
    target = two.addresses.mirror[0]
    const { digest } = await pullImage({ url: urlOf(one), repository: REPOSITORY, reference: 'latest' })
    assert.equal(digest, image.manifest.descriptor.digest)
    assert.equal(origin.account().blobBytes, image.config.bytes.length + image.layers[0]!.bytes.length)
    assert.ok(warnings.includes('request loop'))
  })

  it('say at once that they have nothing when there is no registry behind them', async () => {
    const one = await start('one', `endpoints: ["${doorUrl()}"]`)
    const two = await start('two', `endpoints: ["${urlOf(one)}"]`)
    target = two.addresses.mirror[0]
    const { statusCode, body } = await request(`${urlOf(one)}/v2/${REPOSITORY}/manifests/latest`, {
      reset: true,
    })
    await body.dump()
    assert.equal(statusCode, 404)
    assert.equal(warnings.filter((message) => message === 'request loop').length, 1)
    assert.deepEqual(origin.requests, [])
  })
})
