import { seededRandom } from '@layermesh/testkit'

import { zipf } from '../../support/distributions.ts'
import { imageChain } from '../workload/image-chain.ts'
import type { Scenario } from './scenario.ts'
import type { PublishedImage } from '../workload/published-image.ts'

const IMAGES = 10
const JOBS_PER_NODE = 6
/** CI images are small next to what services run. */
const PART_OF_IMAGE = 0.1
/** As in the traces of the eviction benchmark. */
const ZIPF_EXPONENT = 0.9
const REPLACED_PART = 0.25

/** Jobs that start with nothing pull small images, popular ones most often; then some nodes are replaced, and it goes on. */
export const ciFleet: Scenario = {
  name: 'ci-fleet',
  title: 'CI fleet: many small pulls by jobs that keep nothing, and nodes that come and go',
  topology: 'lan',
  async play(stage, { seed, imageBytes, compressiblePart }) {
    const random = seededRandom(seed)
    const popular = zipf(random, ZIPF_EXPONENT)
    const images: PublishedImage[] = []
    for (let index = 0; index < IMAGES; index += 1) {
      const init = {
        seed: seed + 1 + index,
        sizeBytes: imageBytes * PART_OF_IMAGE,
        compressiblePart,
        versions: 1,
      }
      const [spec] = imageChain(init)
      if (spec !== undefined) images.push(await stage.publish(`bench/job-${index}`, 'latest', spec))
    }
    const runJobs = async () => {
      const plans = stage.nodes.map((node) => ({
        node,
        jobs: Array.from({ length: JOBS_PER_NODE }, () => popular(images)),
      }))
      await Promise.all(
        plans.map(async ({ node, jobs }) => {
          for (const image of jobs) await stage.pull(node, image, { keep: false })
        }),
      )
    }
    await stage.phase('jobs', runJobs)
    const replaced = stage.nodes.slice(0, Math.ceil(stage.nodes.length * REPLACED_PART))
    await stage.prepare(`${replaced.length} nodes are replaced`, async () => {
      for (const node of replaced) await stage.replaceNode(node)
    })
    await stage.phase('jobs after the change', runJobs)
  },
}
