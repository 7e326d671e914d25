import { existsSync } from 'node:fs'

import { BenchError } from '../bench-error.ts'
import { missingTools } from '../../../test/support/missing-tools.ts'
import { planNetwork } from '../topology/network-plan.ts'
import type { Topology } from '../topology/topology.ts'
import type { Lab } from './lab.ts'
import { buildLoopbackLab } from './loopback-lab.ts'
import { buildNetnsLab } from './netns-lab.ts'
import { openRunFolder } from './run-folder.ts'

/** Where machines come from; `auto` is namespaces where they can be had, else loopback. */
export type LabMode = 'auto' | 'netns' | 'loopback'

const TUN = '/dev/net/tun'

/** Why there can be no namespaces here; undefined when there can. */
export function whyNoNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return 'namespaces need root'
  const missing = missingTools(['ip', 'tc', 'nsenter'])
  if (missing.length > 0) return `namespaces need ${missing.join(', ')} (Debian: iproute2, util-linux)`
  return existsSync(TUN) ? undefined : `delays of links need ${TUN} (\`modprobe tun\`)`
}

/** Builds the machines and links of a topology. Throws a BenchError when `netns` is asked for and can't be had. */
export async function openLab(topology: Topology, mode: LabMode): Promise<Lab> {
  const reason = mode === 'loopback' ? 'asked for' : whyNoNamespaces()
  if (mode === 'netns' && reason !== undefined) throw new BenchError(reason)
  const plan = planNetwork(topology)
  const folder = await openRunFolder()
  try {
    return reason === undefined ? await buildNetnsLab(folder, plan) : buildLoopbackLab(folder, plan)
  } catch (error) {
    await folder[Symbol.asyncDispose]()
    throw error
  }
}
