import type { DemoClient, PublishedImage } from './demo-client.ts'
import type { DemoCluster } from './demo-cluster.ts'
import type { PhaseResult } from './demo-report.ts'
import type { DemoSteps } from './demo-steps.ts'
import { trafficBetween } from './demo-traffic.ts'

/** Who pulls what in a phase, and how. */
export interface Phase extends Pick<PhaseResult, 'name' | 'how'> {
  /** What people read while it runs. */
  readonly title: string
  /** All have the same layers, so that each receives the same of this image. */
  readonly clients: readonly DemoClient[]
  readonly image: PublishedImage
  /** About how many bytes each client will receive. */
  readonly expectedBytes: number
  readonly order: 'at once' | 'one by one'
}

/** Runs a phase and measures it from outside: what clients received, what nodes counted, what the registry sent. */
export async function measurePhase(
  cluster: DemoCluster,
  steps: DemoSteps,
  phase: Phase,
): Promise<PhaseResult> {
  const { clients, expectedBytes, how, image, name, order, title } = phase
  const { signal } = steps
  const before = await cluster.counts(signal)
  const { value: pulledBytes, seconds } = await steps.run(title, (advance) => {
    let receivedBytes = 0
    const onBytes = (count: number) => {
      receivedBytes += count
      advance(Math.min(1, receivedBytes / (expectedBytes * clients.length)))
    }
    const pull = (client: DemoClient) => client.pull(image, { signal, onBytes })
    return order === 'at once' ? Promise.all(clients.map(pull)) : Array.fromAsync(clients, pull)
  })
  const after = await cluster.counts(signal)
  return {
    name,
    version: image.tag,
    how,
    pulls: clients.length,
    seconds,
    deliveredBytes: pulledBytes.reduce((sum, bytes) => sum + bytes, 0),
    upstreamBytes: after.upstreamBytes - before.upstreamBytes,
    uniqueBytes: Math.max(...pulledBytes),
    ...trafficBetween(before.traffic, after.traffic),
  }
}
