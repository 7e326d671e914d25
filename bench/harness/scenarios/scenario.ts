import type { Stage } from './stage.ts'

/** What a scenario is given to work with. */
export interface ScenarioInit {
  readonly seed: number
  /** Of an image, about. */
  readonly imageBytes: number
  /** How much of what is in the layers' files compresses, from 0 to 1. */
  readonly compressiblePart: number
}

/** Something that happens to a cluster. Knows nothing of contenders. */
export interface Scenario {
  readonly name: string
  readonly title: string
  /** A file of `topologies/`, without its ending. */
  readonly topology: string
  /** Whether it makes no sense without links of given rates. */
  readonly needsLinks?: boolean
  /** @default 1 */
  readonly minNodes?: number
  /** Whether real clients take part where they can. */
  readonly realClients?: boolean
  play(stage: Stage, init: ScenarioInit): Promise<void>
}
