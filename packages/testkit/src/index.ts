/**
 * Real parts for tests, benchmarks and the demo: an origin registry, images, clocks, contract suites.
 *
 * @packageDocumentation
 */
export { ManualClock } from './manual-clock.ts'
export { createTempDir, type TempDir } from './temp-dir.ts'
