import type { OriginProcess } from '@layermesh/testkit'

import type { Lab, Place } from '../lab/lab.ts'

/** The image host that upstream is known by. It resolves to nothing, so nobody can go around what the bench has set up. */
export const UPSTREAM_HOST = 'origin.test'

/** What a contender works with. */
export interface ContenderDeps {
  readonly lab: Lab
  readonly origin: OriginProcess
}

/** A process of a contender. */
export interface ContenderProcess {
  readonly name: string
  readonly pid: number
}

/** A contender at work; disposing of it ends all its processes. */
export interface RunningContender extends AsyncDisposable {
  /** What was set, as a reader needs it to do the same. */
  readonly configuration: object
  /** Those that should be running now. */
  readonly processes: readonly ContenderProcess[]
  /** Where clients at `node` pull from; undefined: straight from upstream. Clients fall back to upstream by themselves. */
  mirrorOf(node: Place): string | undefined
  /** Ends all processes in good order and starts them again on the same disks. */
  restart(): Promise<void>
  /** Puts a new machine with an empty disk in the place of a node. */
  replaceNode(node: Place): Promise<void>
  /**
   * Kills the process whose loss hurts most just now, without a warning; returns its name. Undefined when there is nothing
   * to kill.
   */
  killMostNeeded(): Promise<string | undefined>
}

/** A way to bring images to nodes. Add one here and it takes part in every scenario. */
export interface Contender {
  readonly name: string
  /** Programs that it needs. */
  readonly tools: readonly string[]
  version(): Promise<string>
  start(deps: ContenderDeps): Promise<RunningContender>
}
