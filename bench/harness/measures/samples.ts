import type { PullOutcome } from '../client/pull-outcome.ts'
import type { LinkBytes } from '../lab/lab.ts'

/** One pull of one node. */
export interface PullSample extends PullOutcome {
  readonly node: string
  readonly client: string
  readonly image: string
}

/** What a link would have carried in a phase had everything gone as well as it can. */
export interface LinkDemand {
  readonly link: string
  readonly bytes: number
}

/** What was measured between two moments. */
export interface PhaseSample {
  readonly name: string
  readonly startedAtMs: number
  readonly durationMs: number
  readonly pulls: readonly PullSample[]
  /** Bodies that upstream has sent, manifests included, by its own count. */
  readonly upstreamBytes: number
  /** Empty where there are no links. */
  readonly links: readonly LinkBytes[]
  readonly demand: readonly LinkDemand[]
  /** CPU time of the contender's processes. */
  readonly cpuSeconds: number
}

/** The counters at one moment. */
export interface TimelinePoint {
  readonly atMs: number
  readonly upstreamBytes: number
}

/** One scenario with one contender, once. */
export interface RunSample {
  readonly contender: string
  readonly repeat: number
  readonly phases: readonly PhaseSample[]
  /** Bytes on the link of the upstream, from the start of the first phase. */
  readonly timeline: readonly TimelinePoint[]
  /** The largest resident set that each process has had. */
  readonly peakMemoryBytes: Readonly<Record<string, number>>
  /** What was done to the contender. */
  readonly events: readonly string[]
}
