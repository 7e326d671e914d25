import type { PeerNetwork } from '@layermesh/interface'
import { peerNetworkContract } from '@layermesh/testkit'
import { fullyConnected, TestCluster, type TestNode } from './support/cluster.ts'

describe('Libp2pPeerNetwork', () => {
  const clusters: TestCluster[] = []
  const stops = new Map<PeerNetwork, () => Promise<void>>()

  after(() => Promise.all(clusters.map((cluster) => cluster[Symbol.asyncDispose]())))

  peerNetworkContract({
    async create(count) {
      const cluster = new TestCluster()
      clusters.push(cluster)
      const nodes: TestNode[] = []
      for (let index = 0; index < count; index += 1) {
        const locality = { region: 'eu', site: `site-${index}` }
        const bootstrap = nodes[0]?.addresses ?? []
        nodes.push(await cluster.start({ locality, secrets: ['a secret'], bootstrap }))
      }
      await fullyConnected(nodes)
      for (const { network } of nodes) stops.set(network, () => network.stop())
      return nodes.map(({ network }) => network)
    },
    destroy: async (network) => stops.get(network)?.(),
  })
})
