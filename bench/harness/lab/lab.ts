import type { NetworkPlan, PlannedLink, PlannedPlace } from '../topology/network-plan.ts'

/** A place that is there: a command runs at it when the launcher is put before the command. */
export interface Place extends PlannedPlace {
  readonly launcher: readonly string[]
}

/** Bytes that a link has carried. */
export interface LinkBytes {
  readonly link: string
  /** Towards the nodes; over the link of the upstream, away from it. */
  readonly contentBytes: number
  /** The other way. */
  readonly returnBytes: number
}

/** Machines and links, until it is disposed of. */
export interface Lab extends AsyncDisposable {
  readonly mode: 'netns' | 'loopback'
  /** What results from here don't show, for the report. */
  readonly notMeasured: readonly string[]
  readonly plan: NetworkPlan
  readonly upstream: Place
  readonly nodes: readonly Place[]
  readonly centralCache: Place
  readonly siteCaches: readonly Place[]
  /** A new empty folder. */
  createDir(name: string): Promise<string>
  /** The port that `place` listens on when it wants `port`: that one, or 0 where all places share an address. */
  portAt(port: number): number
  /** Reads the counters of all links; empty where there are none. Rejects with a BenchError when a link has broken. */
  linkBytes(): Promise<readonly LinkBytes[]>
  /** Whether links have rates, and {@link setRate} works. */
  readonly shapes: boolean
  /** Changes the rate of a link from now on, in both directions. */
  setRate(link: PlannedLink, rateBytesPerSecond: number | undefined): Promise<void>
  /** Gives all links their own rates again, and makes machines forget what they have learned of the ways to others. */
  reset(): Promise<void>
}
