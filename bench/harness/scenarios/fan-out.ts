import { imageChain } from '../workload/image-chain.ts'
import type { Scenario } from './scenario.ts'

/** All nodes pull an image that no node has, at once; the three differ in their links. */
const fanOut = (name: string, title: string, topology: string, realClients: boolean): Scenario => ({
  name,
  title,
  topology,
  realClients,
  async play(stage, { seed, imageBytes, compressiblePart }) {
    const [spec] = imageChain({ seed, sizeBytes: imageBytes, compressiblePart, versions: 1 })
    if (spec === undefined) return
    const image = await stage.publish('bench/app', 'v1', spec)
    await stage.phase('all nodes at once', () => stage.pullAll(stage.nodes, image))
  },
})

export const coldFanOut = fanOut('fan-out', 'Cold fan-out: all nodes of a LAN at once', 'lan', true)
export const edge = fanOut('edge', 'Edge site: all nodes at once behind 20 Mbit/s', 'edge', true)
export const regions = fanOut(
  'regions',
  'Three regions with slow links: all nodes at once',
  'three-regions',
  false,
)
