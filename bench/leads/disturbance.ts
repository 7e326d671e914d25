import type { Lab, Place } from '../harness/lab/lab.ts'
import type { RunningLayermesh } from '../harness/contenders/layermesh.ts'

/** What befalls a lead: it dies, it stands still, or nobody can reach it and it can reach nobody. */
export const DISTURBANCES = ['kill', 'stop', 'partition'] as const

/** One of {@link DISTURBANCES}. */
export type DisturbanceKind = (typeof DISTURBANCES)[number]

/** So slow that not even a handshake gets through. */
const CUT_OFF_BYTES_PER_SECOND = 10

/** Has it befall `node`; resolves to what ends it again, which for a node that was killed is another one in its place. */
export async function disturb(
  kind: DisturbanceKind,
  node: Place,
  { lab, cluster }: { readonly lab: Lab; readonly cluster: RunningLayermesh },
): Promise<() => Promise<void>> {
  const running = cluster.processAt(node)
  switch (kind) {
    case 'kill':
      await running.stop('SIGKILL')
      return () => cluster.replaceNode(node)
    case 'stop':
      process.kill(running.pid, 'SIGSTOP')
      return () => {
        process.kill(running.pid, 'SIGCONT')
        return Promise.resolve()
      }
    case 'partition': {
      const link = lab.plan.links.find(({ kind: of, lower }) => of === 'node' && lower === node.name)
      if (link === undefined) throw new RangeError(`no link to ${node.name}`)
      await lab.setRate(link, CUT_OFF_BYTES_PER_SECOND)
      return () => lab.setRate(link, link.rateBytesPerSecond)
    }
  }
}
