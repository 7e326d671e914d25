/** Delay before the first retry and the longest one, in milliseconds. */
export const FIRST_RETRY_DELAY_MS = 500
export const MAX_RETRY_DELAY_MS = 30_000

/** How long to wait before trying again after `failures` failures in a row, in milliseconds: twice as long each time. */
export function retryDelayMs(failures: number): number {
  return Math.min(MAX_RETRY_DELAY_MS, FIRST_RETRY_DELAY_MS * 2 ** Math.max(0, failures - 1))
}
