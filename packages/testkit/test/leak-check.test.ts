import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { createServer, type AddressInfo, connect } from 'node:net'
import { once } from 'node:events'
import { expectNoLeaks, takeResourceSnapshot } from '@layermesh/testkit'

describe('expectNoLeaks', () => {
  // Long enough for a turn or two: what these tests leave open, they leave open on purpose.
  const options = { settleMs: 10 }

  it('is content when nothing was opened', async () => {
    await expectNoLeaks(await takeResourceSnapshot(), options)
  })

  it('is content with what was open before', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    await expectNoLeaks(await takeResourceSnapshot(), options)
    server.close()
  })

  it('names a server that still listens', async () => {
    const before = await takeResourceSnapshot()
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    await assert.rejects(expectNoLeaks(before, options), /^Error: left open: 1 × TCPServerWrap$/)
    server.close()
    await expectNoLeaks(before)
  })

  it('counts the sockets that are still connected', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const before = await takeResourceSnapshot()
    const { port } = server.address() as AddressInfo
    const accepted = once(server, 'connection')
    const socket = connect(port, '127.0.0.1')
    await Promise.all([once(socket, 'connect'), accepted])
    await assert.rejects(expectNoLeaks(before, options), /left open: 2 × TCPSocketWrap/)
    // Whoever calls it in an afterEach doesn't wait for the sockets to be closed: it does.
    socket.destroy()
    server.close()
    await expectNoLeaks(before)
  })

  it('names a timer that is still armed', async () => {
    const before = await takeResourceSnapshot()
    const timer = setTimeout(() => {}, 1_000_000)
    await assert.rejects(expectNoLeaks(before, options), /left open: 1 × Timeout/)
    clearTimeout(timer)
    await expectNoLeaks(before)
  })

  it('names the path of a file that is still open', async function () {
    if (process.platform !== 'linux') this.skip()
    const before = await takeResourceSnapshot()
    const file = await open(import.meta.filename)
    await assert.rejects(expectNoLeaks(before, options), (error: Error) => {
      assert.equal(error.message, `left open: 1 × ${import.meta.filename}`)
      return true
    })
    await file.close()
    await expectNoLeaks(before)
  })
})
