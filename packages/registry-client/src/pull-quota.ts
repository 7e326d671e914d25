import type { HttpReply } from './http-transport.ts'

/** What a registry has said of how many pulls are left, in its last reply that said it (docs.docker.com, "Pull usage and limits"). */
export interface PullQuota {
  /** Pulls in a window. */
  readonly limit: number
  readonly remaining: number
  readonly windowSeconds: number | undefined
  /** Whom the registry counts: an address, or the id of a user. */
  readonly source: string | undefined
  /** Unix time in milliseconds. */
  readonly seenAtMs: number
}

const AMOUNT = /^\s*(\d{1,12})\s*(?:;\s*w\s*=\s*(\d{1,12}))?/i
/** An address or a UUID; anything else is not shown to anybody. */
const SOURCE = /^[\w.:-]{1,64}$/

/** Reads `ratelimit-limit`, `ratelimit-remaining` and `docker-ratelimit-source`; undefined unless both numbers are there. */
export function parsePullQuota({ header }: Pick<HttpReply, 'header'>, nowMs: number): PullQuota | undefined {
  const [, limit, window] = AMOUNT.exec(header('ratelimit-limit') ?? '') ?? []
  const [, remaining] = AMOUNT.exec(header('ratelimit-remaining') ?? '') ?? []
  if (limit === undefined || remaining === undefined) return undefined
  const source = header('docker-ratelimit-source')
  return {
    limit: Number(limit),
    remaining: Number(remaining),
    windowSeconds: window === undefined ? undefined : Number(window),
    source: source !== undefined && SOURCE.test(source) ? source : undefined,
    seenAtMs: nowMs,
  }
}
