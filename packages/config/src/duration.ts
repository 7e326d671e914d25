import type { Format } from './format.ts'

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const MAX_DURATION_MS = 365 * 86_400_000
const MAX_TIMEOUT_MS = 3_600_000

function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,12})(ms|[smhd])$/.exec(text) ?? []
  const unitMs = UNIT_MS[unit ?? '']
  return unitMs === undefined ? undefined : Number(amount) * unitMs
}

/** How long something may last, in milliseconds. */
export const duration: Format<number> = {
  name: 'duration',
  allowed: 'a duration from 0s to 365d, such as 500ms, 60s, 15m, 12h or 7d',
  parse(text) {
    const ms = parseDuration(text)
    return ms !== undefined && ms <= MAX_DURATION_MS ? ms : undefined
  },
}

/** How long something is waited for, in milliseconds: never 0, and short enough for a timer (2^31 - 1 ms). */
export const timeout: Format<number> = {
  name: 'timeout',
  allowed: 'a duration from 1ms to 1h, such as 500ms or 2s',
  parse(text) {
    const ms = parseDuration(text)
    return ms !== undefined && ms > 0 && ms <= MAX_TIMEOUT_MS ? ms : undefined
  },
}
