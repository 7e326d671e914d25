import type { PeerNetwork } from '@layermesh/interface'
import type { Libp2pPeerNetwork } from '@layermesh/mesh'
import { peerNetworkContract } from '@layermesh/testkit'
import { fullyConnected, TestCluster, type TestNode } from './support/cluster.ts'

describe('Libp2pPeerNetwork', () => {
  const clusters = new Map<PeerNetwork, TestCluster>()

  after(() => Promise.all([...clusters.values()].map((cluster) => cluster[Symbol.asyncDispose]())))

  peerNetworkContract({
    async create(count) {
      const cluster = new TestCluster()
      const nodes: TestNode[] = []
      for (let index = 0; index < count; index += 1) {
        nodes.push(
          await cluster.start({
            locality: { region: 'eu', site: `site-${index}` },
            secret: 'a secret',
            bootstrap: nodes[0]?.addresses ?? [],
          }),
        )
      }
      await fullyConnected(nodes)
      for (const { network } of nodes) clusters.set(network, cluster)
      return nodes.map(({ network }) => network)
    },
    destroy: (network) => (network as Libp2pPeerNetwork).stop(),
  })
})
