import type { Config } from '@layermesh/config'
import type { RunningNode } from '@layermesh/node'
import { reachableAddress } from './reachable-address.ts'
import { runtimeHints } from './runtime-hints.ts'
import { formatTable } from './table.ts'

/** What people are told when a node has started: who it is, where it listens, and how runtimes are pointed at it. */
export function welcomeText(
  { addresses, peerId }: Pick<RunningNode, 'addresses' | 'peerId'>,
  { name, dataDir }: Config['node'],
): string {
  const mirrors = addresses.mirror.map(reachableAddress)
  const [nearest = ''] = mirrors
  const facts = [
    ['node', `${name} (${peerId})`],
    ['data', dataDir],
    ...mirrors.map((address) => ['mirror', `http://${address}`]),
    ['admin', `http://${reachableAddress(addresses.admin)}`],
    ...addresses.mesh.map((address) => ['mesh', address]),
  ]
  const hints = formatTable(['left', 'left'], runtimeHints(nearest))
  return `${formatTable(['left', 'left'], facts)}\nTo point a container runtime at it, as root:\n${hints}\n`
}
