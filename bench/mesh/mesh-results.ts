import { readFile } from 'node:fs/promises'
import { writeResult } from '../support/result-file.ts'
import type { CarrierSample } from './carriers.ts'
import type { ClusterInit, ClusterResult } from './cluster.ts'

const FILE = new URL('../results/mesh.json', import.meta.url)

/** When and how something was measured; the load of the machine is what it did beside. */
export interface Conditions {
  readonly date: string
  readonly command: string
  readonly loadBefore: readonly number[]
  readonly loadAfter: readonly number[]
}

/** What `bench/results/mesh.json` holds beside the machine: parts that may have been measured on their own. */
export interface MeshResults {
  readonly carriers?: Conditions & { readonly samples: readonly CarrierSample[] }
  /** The smallest first. */
  readonly clusters: readonly (Conditions & ClusterResult)[]
}

/** What there is; nothing at first. */
export async function readResults(): Promise<MeshResults> {
  try {
    const { carriers, clusters } = JSON.parse(await readFile(FILE, 'utf8')) as MeshResults
    return { clusters, ...(carriers && { carriers }) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { clusters: [] }
    throw error
  }
}

/** Puts a cluster in the place of the one that was like it. */
export function replaceCluster(results: MeshResults, cluster: Conditions & ClusterResult): MeshResults {
  const others = results.clusters.filter(
    ({ nodes, nodesPerProcess }) => nodes !== cluster.nodes || nodesPerProcess !== cluster.nodesPerProcess,
  )
  const order = (a: ClusterInit, b: ClusterInit) => a.nodes - b.nodes || a.nodesPerProcess - b.nodesPerProcess
  return { ...results, clusters: [...others, cluster].toSorted(order) }
}

export async function writeResults(command: string, results: MeshResults): Promise<void> {
  await writeResult('mesh', command, results)
}
