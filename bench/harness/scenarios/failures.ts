import { setTimeout } from 'node:timers/promises'

import { imageChain } from '../workload/image-chain.ts'
import type { Scenario, ScenarioInit } from './scenario.ts'
import type { Stage } from './stage.ts'
import type { PublishedImage } from '../workload/published-image.ts'

const LOOK_EVERY_MS = 20
/** How much of the image upstream has sent when the lead is killed. */
const KILLED_AT_PART = 0.3
const SLOW_BYTES_PER_SECOND = 2e6 / 8

/** Upstream goes away when half of the nodes have an image; the others pull it then. */
export const upstreamOutage: Scenario = {
  name: 'outage',
  title: 'Upstream outage in the middle of a deployment',
  topology: 'lan',
  minNodes: 2,
  async play(stage, init) {
    const image = await publishOne(stage, init)
    const half = Math.ceil(stage.nodes.length / 2)
    await stage.phase('the first half', () => stage.pullAll(stage.nodes.slice(0, half), image))
    await stage.stopUpstream()
    await stage.phase('the second half, without upstream', () =>
      stage.pullAll(stage.nodes.slice(half), image),
    )
  },
}

/** In the middle of a fan-out, the process that the others need most is killed. */
export const leadKilled: Scenario = {
  name: 'lead-killed',
  title: 'The process that others wait for is killed in the middle of a fan-out',
  topology: 'lan',
  minNodes: 2,
  async play(stage, init) {
    const image = await publishOne(stage, init)
    const killAt = (await stage.upstreamBytes()) + KILLED_AT_PART * image.uniqueBytes
    await stage.phase('all nodes at once', async () => {
      const over = new AbortController()
      const pulls = stage.pullAll(stage.nodes, image).finally(() => over.abort())
      while (!over.signal.aborted && (await stage.upstreamBytes()) < killAt) await setTimeout(LOOK_EVERY_MS)
      await stage.killMostNeeded()
      await pulls
    })
  },
}

/** A node that holds an image gets a slow link; then all others pull it. */
export const slowPeer: Scenario = {
  name: 'slow-peer',
  title: 'A node that holds the image has a link of 2 Mbit/s when the others pull it',
  topology: 'lan',
  minNodes: 2,
  needsLinks: true,
  async play(stage, init) {
    const image = await publishOne(stage, init)
    const [slow, ...others] = stage.nodes
    if (slow === undefined) return
    await stage.prepare('one node pulls, and its link gets slow', async () => {
      await stage.pull(slow, image)
      await stage.setNodeRate(slow, SLOW_BYTES_PER_SECOND)
    })
    await stage.phase('the others at once', () => stage.pullAll(others, image))
  },
}

/** Everything is restarted, and clients that have lost their images pull them again. */
export const warmRestart: Scenario = {
  name: 'warm-restart',
  title: 'Warm restart: all processes are restarted, all nodes pull again',
  topology: 'lan',
  async play(stage, init) {
    const image = await publishOne(stage, init)
    await stage.prepare('all nodes pull, then the contender restarts', async () => {
      await stage.pullAll(stage.nodes, image, { keep: false })
      await stage.restartContender()
    })
    await stage.phase('all nodes pull again', () => stage.pullAll(stage.nodes, image, { keep: false }))
  },
}

async function publishOne(
  stage: Stage,
  { seed, imageBytes, compressiblePart }: ScenarioInit,
): Promise<PublishedImage> {
  const [spec] = imageChain({ seed, sizeBytes: imageBytes, compressiblePart, versions: 1 })
  if (spec === undefined) throw new RangeError('no image')
  return stage.publish('bench/app', 'v1', spec)
}
