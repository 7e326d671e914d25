/** How often in one fetch a lead that is full is asked again: for about half a minute. */
export const MAX_BUSY_RETRIES = 40

/** How often in one fetch a lead is asked again that can't be reached and is still a member: streams also get lost when connections are replaced. */
export const MAX_LOST_RETRIES = 2

const BASE_DELAY_MS = 100
const MAX_DELAY_MS = 800

/** What has happened with a lead so far. */
export interface LeadTrouble {
  readonly kind: 'busy' | 'lost'
  /** How many times it has happened before in this fetch. */
  readonly times: number
  /** A number in [0, 1). */
  readonly random: number
}

/**
 * After how many milliseconds a lead is asked again, undefined when it isn't: the next one in rendezvous order takes over.
 * Spread out, so that those whom one lead has failed don't come back at the same moment.
 */
export function leadRetryDelayMs({ kind, times, random }: LeadTrouble): number | undefined {
  if (times >= (kind === 'busy' ? MAX_BUSY_RETRIES : MAX_LOST_RETRIES)) return undefined
  const ceilingMs = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** times)
  return ceilingMs / 2 + (random * ceilingMs) / 2
}
