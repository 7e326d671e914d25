import { whenHoldingsKnown } from '@layermesh/testkit'
import { formatBytes } from '../units.ts'
import { DemoClient, type PublishedImage } from './demo-client.ts'
import { DemoCluster } from './demo-cluster.ts'
import { measurePhase } from './demo-phase.ts'
import type { DemoPlan, PlannedNode } from './demo-plan.ts'
import type { PhaseResult } from './demo-report.ts'
import { DemoSteps, type DemoStepsDeps } from './demo-steps.ts'

/** What a demo works with. */
export interface DemoRunDeps extends DemoStepsDeps {
  /** The command that runs a node, without options. */
  readonly nodeCommand: readonly string[]
}

/**
 * Runs a demo and returns what was measured in its phases, in their order. Throws a CommandError when it does not
 * come to its end, and `signal.reason`; neither then nor otherwise is a process or a file left.
 */
export async function runDemo(plan: DemoPlan, deps: DemoRunDeps): Promise<PhaseResult[]> {
  const { newcomer, nodes, options, versions } = plan
  const [first, second] = versions
  using steps = new DemoSteps(deps)
  await using cluster = await DemoCluster.open({ ...deps, ...plan })
  const [firstImage, secondImage] = await publish(plan, cluster, steps)
  const clients = await startNodes(nodes, cluster, steps)
  const coldStart = await measurePhase(cluster, steps, {
    name: 'cold start',
    how: `${nodes.length} nodes at once`,
    title: `pulling ${first.tag} on ${nodes.length} nodes at once`,
    clients,
    image: firstImage,
    expectedBytes: first.newLayerBytes,
    order: 'at once',
  })
  const rollOut = await measurePhase(cluster, steps, {
    name: 'roll-out',
    how: 'node by node',
    title: `rolling out ${second.tag}, node by node`,
    clients,
    image: secondImage,
    expectedBytes: second.newLayerBytes,
    order: 'one by one',
  })
  const newClient = await replaceOrigin(newcomer, clients, cluster, steps)
  const originStopped = await measurePhase(cluster, steps, {
    name: 'registry stopped',
    how: 'a new node',
    title: `pulling ${second.tag} on the new node`,
    clients: [newClient],
    image: secondImage,
    expectedBytes: options.sizeBytes,
    order: 'at once',
  })
  return [coldStart, rollOut, originStopped]
}

async function publish(
  { options, repository, versions }: DemoPlan,
  cluster: DemoCluster,
  steps: DemoSteps,
): Promise<readonly [PublishedImage, PublishedImage]> {
  const title = `making an image of ${formatBytes(options.sizeBytes)} in two versions`
  const { value } = await steps.run(title, async (advance) => {
    const first = await cluster.publish(repository, versions[0])
    advance(0.5)
    return [first, await cluster.publish(repository, versions[1])] as const
  })
  return value
}

/** Others join by the first node, so it has to be there before them. */
async function startNodes(
  [first, ...others]: DemoPlan['nodes'],
  cluster: DemoCluster,
  steps: DemoSteps,
): Promise<DemoClient[]> {
  const { value } = await steps.run(`starting ${others.length + 1} nodes in two sites`, async (advance) => {
    let started = 0
    const start = async (node: PlannedNode) => {
      const client = new DemoClient(await cluster.addNode(node, steps.signal))
      started += 1
      advance(started / (others.length + 1))
      return client
    }
    return [await start(first), ...(await Promise.all(others.map(start)))]
  })
  return value
}

/** Stops the registry, starts a node that holds nothing, and waits until that has learned what the others hold. */
async function replaceOrigin(
  newcomer: PlannedNode,
  clients: readonly DemoClient[],
  cluster: DemoCluster,
  steps: DemoSteps,
): Promise<DemoClient> {
  const { value } = await steps.run('stopping the registry, starting a new node', async (advance) => {
    await cluster.stopOrigin()
    const node = await cluster.addNode(newcomer, steps.signal)
    advance(0.5)
    for (const client of clients) {
      await whenHoldingsKnown(node.process, client.node.process, client.contents, steps)
    }
    return new DemoClient(node)
  })
  return value
}
