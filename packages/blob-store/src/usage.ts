import { isWholeNumber } from './stored-record.ts'

/** Opens of a blob within this time are one use: a pull asks for a layer in ranges, and again when it retries. */
const ONE_USE_MS = 10 * 60 * 1000

/** What the store remembers of how a blob is used; persisted for each blob. Times are Unix times in milliseconds. */
export interface Usage {
  /** How often it was used, at least 1. */
  readonly uses: number
  /** When the first of these uses began: when the blob came in. */
  readonly firstUsedAtMs: number
  /** When the last of these uses began. */
  readonly lastUsedAtMs: number
}

/** The usage of a blob that has just come in: whoever wanted it has used it once. */
export function firstUsage(nowMs: number): Usage {
  return { uses: 1, firstUsedAtMs: nowMs, lastUsedAtMs: nowMs }
}

/**
 * The usage after the blob was opened once more. Returns `usage` itself when that belongs to the last use, so that
 * there is nothing to persist. When the clock was set back, time counts from its new state on.
 */
export function usedAgain(usage: Usage, nowMs: number): Usage {
  if (Math.abs(nowMs - usage.lastUsedAtMs) < ONE_USE_MS) return usage
  return {
    uses: usage.uses + 1,
    firstUsedAtMs: Math.min(usage.firstUsedAtMs, nowMs),
    lastUsedAtMs: nowMs,
  }
}

/** Reads what was stored; undefined when it makes no sense. Nothing can have happened after `nowMs`. */
export function parseUsage(value: unknown, nowMs: number): Usage | undefined {
  const { uses, firstUsedAtMs, lastUsedAtMs } = (value ?? {}) as Partial<Record<keyof Usage, unknown>>
  if (!isWholeNumber(uses) || uses === 0 || !isWholeNumber(firstUsedAtMs) || !isWholeNumber(lastUsedAtMs)) {
    return undefined
  }
  return {
    uses,
    firstUsedAtMs: Math.min(firstUsedAtMs, lastUsedAtMs, nowMs),
    lastUsedAtMs: Math.min(lastUsedAtMs, nowMs),
  }
}

/** How long ago the last use began; 0 when the clock was set back since. */
export function idleMs(usage: Usage, nowMs: number): number {
  return Math.max(0, nowMs - usage.lastUsedAtMs)
}

/** Whether nobody has used the blob for `unusedForMs` or longer. */
export function hasGoneUnused(usage: Usage, nowMs: number, unusedForMs: number): boolean {
  return idleMs(usage, nowMs) >= unusedForMs
}
