/** Every way in which a request is answered, judged by the head of its reply; `aborted` when its caller gave up. */
export const REQUEST_OUTCOMES = [
  'ok',
  'redirected',
  'unauthorized',
  'denied',
  'not_found',
  'rate_limited',
  'unreachable',
  'protocol',
  'aborted',
] as const

/** A value of the `outcome` label. */
export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number]

/** The outcome that a status stands for. */
export function outcomeOfStatus(status: number): RequestOutcome {
  switch (status) {
    case 401:
      return 'unauthorized'
    case 403:
      return 'denied'
    case 404:
      return 'not_found'
    case 408:
      return 'unreachable'
    case 429:
      return 'rate_limited'
    default:
      if (status >= 500) return 'unreachable'
      if (status >= 400) return 'protocol'
      return status >= 300 ? 'redirected' : 'ok'
  }
}
