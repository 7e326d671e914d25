import assert from 'node:assert/strict'

import { whyNoNamespaces, openLab } from '../../bench/harness/lab/open-lab.ts'
import type { Place } from '../../bench/harness/lab/lab.ts'
import { parseTopology } from '../../bench/harness/topology/read-topology.ts'
import { runCommand } from '../support/run-command.ts'

const TIMEOUT_MS = 120_000

const TOPOLOGY = `
upstream: { delay: 10ms }
regions:
  - { name: near, delay: 15ms, sites: [{ name: a, rate: 20Mbit, nodes: 2 }] }
  - { name: far, delay: 40ms, sites: [{ name: b, nodes: 1, nodeDelay: 2.5ms }] }
`

/**
 * Connects to a port on which nobody listens, again and again until the refusal has come back sooner than argv[2] ms, and prints how many
 * milliseconds the quickest took. A refusal takes one round trip.
 */
const QUICKEST_REFUSAL = `
const [address, limit] = process.argv.slice(1)
let quickest = Infinity
const ask = () => {
  const start = performance.now()
  require('node:net').connect(9, address).on('error', () => {
    quickest = Math.min(quickest, performance.now() - start)
    if (quickest < Number(limit)) console.log(quickest)
    else ask()
  })
}
ask()`

async function roundTripMs(from: Place, to: Place, expectedMs: number): Promise<number> {
  const [nsenter = process.execPath, ...args] = from.launcher
  return Number(
    (
      await runCommand(nsenter, [
        ...args,
        process.execPath,
        '-e',
        QUICKEST_REFUSAL,
        to.address,
        String(expectedMs * 1.5),
      ])
    ).stdout,
  )
}

const reason = whyNoNamespaces()

describe('buildNetnsLab', function () {
  this.timeout(TIMEOUT_MS)

  const title = 'delays what crosses a link, in both directions, and the delays of several links add up'
  if (reason !== undefined) it.skip(`${title} (skipped: ${reason})`)
  else {
    it(title, async () => {
      await using lab = await openLab(parseTopology(TOPOLOGY, 'x.yaml'), 'netns')
      const [near, neighbour, far] = lab.nodes
      assert.ok(near && neighbour && far)
      const pairs = [
        [near, lab.upstream, 2 * (15 + 10)],
        [near, far, 2 * (15 + 40 + 2.5)],
        [far, lab.upstream, 2 * (2.5 + 40 + 10)],
      ] as const
      for (const [from, to, expectedMs] of pairs) {
        // That it comes below one and a half times as much, sooner or later, the command has waited for.
        const measuredMs = await roundTripMs(from, to, expectedMs)
        assert.ok(measuredMs >= expectedMs, `${from.name} to ${to.name}: ${measuredMs} ms`)
      }
      // No delayed link between the two.
      assert.ok((await roundTripMs(near, neighbour, 10)) < 15)
    })
  }
})
