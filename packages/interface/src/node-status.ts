import type { ByteSource, LinkClass, SourceScope } from './locality.ts'
import type { MemberState } from './peer-network.ts'
import type { UpstreamStatus } from './upstream-status.ts'

/** What `GET /api/v1/status` answers and `layermesh status --json` prints. Sizes in bytes, times in ISO 8601. */
export interface NodeStatus {
  readonly node: {
    readonly name: string
    readonly peerId: string
    readonly version: string
    readonly region: string
    readonly site: string
    readonly startedAt: string
    readonly uptimeSeconds: number
  }
  readonly mirror: { readonly listen: readonly string[] }
  readonly mesh: {
    readonly listen: readonly string[]
    readonly members: number
    /** Whether peers prove membership by a secret. */
    readonly authenticated: boolean
  }
  readonly cache: { readonly blobs: number; readonly bytes: number; readonly fills: number }
  readonly bytes: {
    /** Handed to clients, by where this node had them from. */
    readonly served: Readonly<Record<ByteSource, number>>
    /** Fetched by this node, for whomever. */
    readonly fetched: Readonly<Record<SourceScope, number>>
    /** Sent to peers, by link class. */
    readonly sent: Readonly<Record<LinkClass, number>>
  }
  /** Absent in what older daemons answer. */
  readonly upstreams?: readonly UpstreamStatus[]
}

/** One element of what `GET /api/v1/peers` answers and `layermesh peers --json` prints. */
export interface PeerStatus {
  readonly name: string
  readonly peerId: string
  readonly version: string
  readonly region: string
  readonly site: string
  readonly link: LinkClass
  /** Absent in what older daemons answer, as are `load` and `capabilities`. */
  readonly state?: MemberState
  /** Share of the time in which it was lately busy, 0 to 1; null before its first heartbeat. */
  readonly load?: number | null
  /** The protocols that it serves. */
  readonly capabilities?: readonly string[]
  /** Null before the first measurement. */
  readonly roundTripMs: number | null
  /** What it has announced. */
  readonly holds: { readonly blobs: number; readonly bytes: number }
  readonly addresses: readonly string[]
}
