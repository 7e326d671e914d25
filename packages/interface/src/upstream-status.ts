/**
 * How an endpoint is treated: as usual, not at all since it failed again and again, with one request to see whether it is back,
 * or after all others since its bodies break off.
 */
export type EndpointState = 'answers' | 'left-alone' | 'on-trial' | 'asked-last'

/** An upstream as the node knows it. Times in ISO 8601. */
export interface UpstreamStatus {
  /** Image host. */
  readonly host: string
  /** In the order in which they are tried. */
  readonly endpoints: readonly {
    /** Host and port. */
    readonly name: string
    readonly mirror: boolean
    readonly state: EndpointState
    /** How many pulls are left, as it said last; null when it never did. */
    readonly quota: {
      readonly limit: number
      readonly remaining: number
      readonly windowSeconds: number | null
      /** Whom the registry counts: an address or a user's id. */
      readonly source: string | null
      readonly seenAt: string
    } | null
  }[]
}
