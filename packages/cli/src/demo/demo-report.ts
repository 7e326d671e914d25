import type { DemoOptions } from './demo-options.ts'
import type { Traffic } from './demo-traffic.ts'

/** What was measured in one phase of a demo. Every client of a phase pulls the same content. */
export interface PhaseResult extends Traffic {
  readonly name: 'cold start' | 'roll-out' | 'registry stopped'
  /** What was pulled: a tag of the image. */
  readonly version: string
  /** How the clients went about it. */
  readonly how: string
  /** How many clients pulled, each from a node of its own. */
  readonly pulls: number
  readonly seconds: number
  /** What the clients received and verified, by their own count. */
  readonly deliveredBytes: number
  /** What the registry sent, by its own count. */
  readonly upstreamBytes: number
  /** What one client received: the least that has to come from somewhere. */
  readonly uniqueBytes: number
}

/** A phase with what is derived from the measurements. */
export interface PhaseReport extends PhaseResult, Savings {
  /** How often the registry sent each byte, on average; 1 when it sent everything once. */
  readonly upstreamPerUnique: number
}

interface Savings {
  /** What the registry would have sent without layermesh, less what it did send. */
  readonly savedBytes: number
  readonly savedPercent: number
}

/** What `layermesh demo --json` prints. */
export interface DemoReport extends DemoOptions {
  readonly phases: readonly PhaseReport[]
  readonly total: Savings & {
    readonly seconds: number
    readonly deliveredBytes: number
    readonly upstreamBytes: number
    /** What the registry was needed for: the unique bytes of the phases in which it ran. */
    readonly uniqueBytes: number
  }
}

/** Derives the report from the measurements, in the order of the phases. */
export function reportDemo(options: DemoOptions, phases: readonly PhaseResult[]): DemoReport {
  const total = (bytesOf: (phase: PhaseResult) => number) =>
    phases.reduce((sum, phase) => sum + bytesOf(phase), 0)
  const deliveredBytes = total((phase) => phase.deliveredBytes)
  const upstreamBytes = total((phase) => phase.upstreamBytes)
  return {
    ...options,
    phases: phases.map((phase) => ({
      ...phase,
      upstreamPerUnique: phase.upstreamBytes / phase.uniqueBytes,
      ...savingsOf(phase.deliveredBytes, phase.upstreamBytes),
    })),
    total: {
      seconds: total(({ seconds }) => seconds),
      deliveredBytes,
      upstreamBytes,
      uniqueBytes: total(({ name, uniqueBytes }) => (name === 'registry stopped' ? 0 : uniqueBytes)),
      ...savingsOf(deliveredBytes, upstreamBytes),
    },
  }
}

function savingsOf(deliveredBytes: number, upstreamBytes: number): Savings {
  const savedBytes = deliveredBytes - upstreamBytes
  return { savedBytes, savedPercent: (100 * savedBytes) / deliveredBytes }
}
