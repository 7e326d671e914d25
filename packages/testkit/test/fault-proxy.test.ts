import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import {
  buildImage,
  expectNoLeaks,
  startFaultProxy,
  startOrigin,
  takeResourceSnapshot,
  type FaultProxy,
  type ResourceSnapshot,
} from '@layermesh/testkit'
import { get } from './support/get.ts'

const MiB = 1024 * 1024

describe('startFaultProxy', () => {
  let open: ResourceSnapshot
  let echo: Server
  let proxy: FaultProxy

  beforeEach(async () => {
    open = await takeResourceSnapshot()
    // Sends back what it gets, and ends when the client does.
    echo = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket))
    echo.listen(0, '127.0.0.1')
    await once(echo, 'listening')
    const { port } = echo.address() as AddressInfo
    proxy = await startFaultProxy({ target: { host: '127.0.0.1', port } })
  })

  afterEach(async () => {
    await proxy.close()
    echo.close()
    await expectNoLeaks(open)
  })

  async function dial(): Promise<Socket> {
    const socket = connect({ host: proxy.host, port: proxy.port })
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  /** Resolves when the socket is closed, in good order or not. */
  function closed(socket: Socket): Promise<void> {
    return new Promise((resolve) => {
      if (socket.closed) resolve()
      else socket.once('close', resolve)
    })
  }

  async function echoed(socket: Socket, text: string): Promise<string> {
    socket.write(text)
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    return chunk.toString()
  }

  it('lets everything through both ways, half-open connections included', async () => {
    const socket = connect({ host: proxy.host, port: proxy.port, allowHalfOpen: true })
    const sent = Buffer.alloc(4 * MiB, 'layermesh')
    socket.end(sent)
    assert.ok((await buffer(socket)).equals(sent))
    assert.deepEqual(proxy.bytes, { toTarget: sent.length, fromTarget: sent.length })
  })

  it('carries a registry', async () => {
    await using origin = await startOrigin()
    await using inFront = await startFaultProxy({ target: { host: '127.0.0.1', port: origin.port } })
    const image = await buildImage({ seed: 1, layerBytes: [MiB] })
    origin.add('app', image)
    const { digest, sizeBytes } = image.layers[0]!.descriptor
    const { body } = await get(`http://${inFront.host}:${inFront.port}/v2/app/blobs/${digest}`)
    assert.ok(body.equals(image.layers[0]!.bytes))
    assert.ok(inFront.bytes.fromTarget > sizeBytes)
  })

  it('closes a connection whose target does not listen', async () => {
    await using unused = await startOrigin()
    await unused.close()
    await using nowhere = await startFaultProxy({ target: { host: '127.0.0.1', port: unused.port } })
    await assert.rejects(get(`http://${nowhere.host}:${nowhere.port}/`))
  })

  it('rejects with ERR_LISTEN when the port is taken', async () => {
    const target = { host: '127.0.0.1', port: 1 }
    await assert.rejects(startFaultProxy({ target, port: proxy.port }), { code: 'ERR_LISTEN' })
  })

  describe('cut', () => {
    it('closes the connections that there are', async () => {
      const sockets = await Promise.all([dial(), dial()])
      for (const socket of sockets) assert.equal(await echoed(socket, 'ping'), 'ping')
      assert.equal(proxy.connections, 2)
      proxy.cut()
      await Promise.all(sockets.map(closed))
    })

    it('closes new connections as they come, until it is over', async () => {
      proxy.cut()
      const refused = await dial()
      await closed(refused)
      proxy.resume()
      const socket = await dial()
      assert.equal(await echoed(socket, 'ping'), 'ping')
      socket.destroy()
    })

    it('also closes connections that are stalled', async () => {
      const socket = await dial()
      proxy.stall()
      socket.write('ping')
      proxy.cut()
      await closed(socket)
    })
  })

  describe('stall', () => {
    it('holds everything back until it is over, and loses nothing', async () => {
      const socket = await dial()
      assert.equal(await echoed(socket, 'before'), 'before')
      proxy.stall()
      let arrived = false
      const answer = echoed(socket, 'stalled').finally(() => (arrived = true))
      // A connection of its own to the target is answered meanwhile.
      const direct = connect({ host: '127.0.0.1', port: (echo.address() as AddressInfo).port })
      assert.equal(await echoed(direct, 'direct'), 'direct')
      direct.destroy()
      assert.equal(arrived, false)
      assert.deepEqual(proxy.bytes, { toTarget: 'before'.length, fromTarget: 'before'.length })
      proxy.resume()
      assert.equal(await answer, 'stalled')
      socket.destroy()
    })

    it('takes new connections and holds them back', async () => {
      proxy.stall()
      const socket = await dial()
      const answer = echoed(socket, 'ping')
      proxy.resume()
      assert.equal(await answer, 'ping')
      socket.destroy()
    })
  })

  describe('close', () => {
    it('ends connections, stalled ones included, and can be called again', async () => {
      const socket = await dial()
      proxy.stall()
      socket.write('ping')
      await proxy.close()
      await proxy.close()
      await closed(socket)
      assert.equal(proxy.connections, 0)
    })
  })
})
