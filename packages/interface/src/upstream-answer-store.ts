/** What an upstream may say that holds for a while: that it has not, that it denies, that it wants to be left alone. */
export const UPSTREAM_ANSWERS = ['missing', 'denied', 'rate-limited'] as const

/** Something that an upstream has said and that holds until a time. */
export interface UpstreamAnswer {
  /** Canonical image host. */
  readonly upstream: string
  /** What it was said of, in words of whoever keeps it; they tell nothing of a login. */
  readonly subject: string
  readonly answer: (typeof UPSTREAM_ANSWERS)[number]
  /** Unix time in milliseconds at which it was said. */
  readonly saidAtMs: number
  /** Unix time in milliseconds from which on it holds no longer. */
  readonly endsAtMs: number
}

/** Answers that survive a restart, so that what has just been refused isn't asked for again. */
export interface UpstreamAnswerStore {
  /** Adds or replaces what was said of a subject. Only some answers are kept: those that hold the longest. */
  put(answer: UpstreamAnswer): Promise<void>
  /** Every answer that still holds, in the order in which they were said. */
  list(): Promise<readonly UpstreamAnswer[]>
}
