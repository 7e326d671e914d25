import { BenchError } from '../bench-error.ts'
import type { NetworkPlan, PlannedPlace } from '../topology/network-plan.ts'
import type { Lab } from './lab.ts'
import type { RunFolder } from './run-folder.ts'

/** All places on 127.0.0.1: works without root, and shows less. */
export function buildLoopbackLab(folder: RunFolder, plan: NetworkPlan): Lab {
  const placeAt = (planned: PlannedPlace) => ({ ...planned, address: '127.0.0.1', launcher: [] })
  return {
    mode: 'loopback',
    notMeasured: [
      'bytes per link: there are no links; upstream bytes are what the registry has counted',
      'times under the rates and delays of the topology: everything is as fast as loopback',
    ],
    plan,
    upstream: placeAt(plan.upstream),
    nodes: plan.nodes.map(placeAt),
    centralCache: placeAt(plan.centralCache),
    siteCaches: plan.siteCaches.map(placeAt),
    createDir: (name) => folder.createDir(name),
    portAt: () => 0,
    linkBytes: () => Promise.resolve([]),
    shapes: false,
    setRate: () => Promise.reject(new BenchError('there are no links in loopback mode')),
    reset: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}
