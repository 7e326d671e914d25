import type { Locality } from '@layermesh/interface'
import { layerSpecsOf, type ImageSpec } from '@layermesh/testkit'
import type { DemoOptions } from './demo-options.ts'

/** The layers of the image from the bottom up, as parts of its size: what seldom changes is below, and larger. */
const LOWER_LAYERS = [0.36, 0.26, 0.18]
const UPPER_LAYERS = [0.12, 0.06, 0.02]

const REGION = 'demo'

/** A node that is to be started. */
export interface PlannedNode {
  readonly name: string
  readonly locality: Locality
}

/** A version of the image. */
export interface PlannedVersion {
  readonly tag: string
  readonly spec: ImageSpec
  /** Bytes of the layers that the version before doesn't have, without their framing. */
  readonly newLayerBytes: number
}

/** Everything that a demo does, decided before it begins. */
export interface DemoPlan {
  readonly options: DemoOptions
  /** In two sites of one region, a site's nodes next to each other. */
  readonly nodes: readonly [PlannedNode, ...PlannedNode[]]
  /** The node that comes when the registry has gone. */
  readonly newcomer: PlannedNode
  readonly repository: string
  readonly versions: readonly [PlannedVersion, PlannedVersion]
  /** Bytes on disk that all nodes together need, about. */
  readonly diskBytes: number
}

/** Decides what a demo with these options does. */
export function planDemo(options: DemoOptions): DemoPlan {
  const inSiteA = Math.ceil(options.nodes / 2)
  const inSiteB = options.nodes - inSiteA
  const versions = planVersions(options.sizeBytes)
  const bytesOfBoth = versions[0].newLayerBytes + versions[1].newLayerBytes
  return {
    options,
    nodes: [planNode('a', 1), ...planSite('a', 2, inSiteA), ...planSite('b', 1, inSiteB)],
    newcomer: planNode('b', inSiteB + 1),
    repository: 'demo/shop',
    versions,
    diskBytes: (options.nodes + 1) * bytesOfBoth,
  }
}

/** The second version is of the same size as the first and shares its lower layers. */
function planVersions(sizeBytes: number): [PlannedVersion, PlannedVersion] {
  const upperBytes = UPPER_LAYERS.map((part) => Math.floor(part * sizeBytes))
  const lowerBytes = LOWER_LAYERS.map((part) => Math.floor(part * sizeBytes))
  // What rounding took off.
  lowerBytes[0] = (lowerBytes[0] ?? 0) + sizeBytes - sum(upperBytes) - sum(lowerBytes)
  const first: ImageSpec = { seed: 1, layerBytes: [...lowerBytes, ...upperBytes] }
  const sharedLayers = layerSpecsOf(first).slice(0, lowerBytes.length)
  const second: ImageSpec = { seed: 2, layerBytes: upperBytes, sharedLayers }
  return [
    { tag: 'v1', spec: first, newLayerBytes: sizeBytes },
    { tag: 'v2', spec: second, newLayerBytes: sum(upperBytes) },
  ]
}

function planSite(site: string, first: number, last: number): PlannedNode[] {
  return Array.from({ length: last - first + 1 }, (_, index) => planNode(site, first + index))
}

function planNode(site: string, number: number): PlannedNode {
  return { name: `${site}-${number}`, locality: { region: REGION, site: `site-${site}` } }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
