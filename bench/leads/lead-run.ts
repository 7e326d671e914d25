import type { SourceScope } from '@layermesh/interface'

import type { DisturbanceKind } from './disturbance.ts'

/** One moment at which all nodes want one image. */
export interface LeadRunInit {
  /** Of the image's bytes: each image is pulled once. */
  readonly seed: number
  readonly imageBytes: number
  /** What befalls the lead of the largest layer, and when so much of that layer has come from upstream. */
  readonly disturbance?: { readonly kind: DisturbanceKind; readonly atPart: number } | undefined
  readonly signal: AbortSignal
}

/** What has come in over a border, in copies of the image. */
export interface BorderCopies {
  readonly place: string
  /** Content, as the nodes behind the border have counted it; undefined when one of them was killed. */
  readonly counted: number | undefined
  /** All bytes on the link, headers and gossip included; undefined where there are no links. */
  readonly onLink: number | undefined
}

/** What a run has shown. */
export interface LeadRun {
  readonly seed: number
  readonly sources: readonly SourceScope[]
  readonly disturbance: LeadRunInit['disturbance']
  readonly mode: 'netns' | 'loopback'
  readonly nodes: number
  /** The setting `mesh.stallTimeout`. */
  readonly stallTimeout: { readonly site: string; readonly beyond: string }
  readonly uniqueBytes: number
  /** Bodies that upstream has sent. */
  readonly upstreamBytes: number
  readonly manifestBytes: number
  /** Upstream bytes divided by the bytes of what was asked for. */
  readonly upstreamRatio: number
  readonly pulls: number
  readonly failedPulls: number
  /** Why, each reason once. */
  readonly errors: readonly string[]
  readonly verifiedDigests: number
  readonly borders: readonly BorderCopies[]
  /** Of the slowest pull; without that of a node that was disturbed. */
  readonly durationMs: number
  /** For how long, after the disturbance, nothing of the largest layer came from upstream. */
  readonly standstillMs: number | undefined
  /** What came of the pull at the node that was disturbed, once that was a member again. */
  readonly disturbedPull: 'completed' | 'failed' | undefined
}
