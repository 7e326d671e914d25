import { imageChain } from '../workload/image-chain.ts'
import type { Scenario } from './scenario.ts'

const PART_AT_A_TIME = 0.2

/** A fifth of the nodes at a time goes from one version to the next, which shares layers with it. */
export const rollingUpdate: Scenario = {
  name: 'rolling-update',
  title: 'Rolling update: 20 % of the nodes at a time, most layers shared',
  topology: 'lan',
  realClients: true,
  async play(stage, { seed, imageBytes, compressiblePart }) {
    const [first, second] = imageChain({ seed, sizeBytes: imageBytes, compressiblePart, versions: 2 })
    if (first === undefined || second === undefined) return
    const before = await stage.publish('bench/app', 'v1', first)
    const after = await stage.publish('bench/app', 'v2', second)
    await stage.prepare('all nodes run version 1', () => stage.pullAll(stage.nodes, before))
    const size = Math.max(1, Math.ceil(stage.nodes.length * PART_AT_A_TIME))
    for (let start = 0; start < stage.nodes.length; start += size) {
      const wave = stage.nodes.slice(start, start + size)
      await stage.phase(`wave ${start / size + 1}`, () => stage.pullAll(wave, after))
    }
  },
}
