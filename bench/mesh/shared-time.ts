/** Milliseconds of a clock that all processes of this machine share, and that nobody sets (CLOCK_MONOTONIC). */
export function sharedTimeMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
