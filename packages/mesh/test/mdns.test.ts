import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fullyConnected, TestCluster } from './support/cluster.ts'

/** Whether a datagram to the group of mDNS comes back here; if not, why not. */
async function multicastProblem(): Promise<string | undefined> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  try {
    socket.bind(0)
    await once(socket, 'listening')
    socket.addMembership('224.0.0.251')
    socket.setMulticastLoopback(true)
    const received = once(socket, 'message', { signal: AbortSignal.timeout(2000) })
    socket.send('anybody there?', socket.address().port, '224.0.0.251')
    await received
    return undefined
  } catch (error) {
    return (error as Error).message
  } finally {
    socket.close()
  }
}

describe('mDNS', () => {
  it('makes nodes of one LAN members of each other', async function () {
    const problem = await multicastProblem()
    if (problem !== undefined) {
      this.test!.title += ` (skipped: no multicast on this machine: ${problem})`
      this.skip()
    }
    await using cluster = new TestCluster()
    const options = { mdns: true, secret: 'of this test alone' }
    await fullyConnected([await cluster.start(options), await cluster.start(options)])
  })
})
