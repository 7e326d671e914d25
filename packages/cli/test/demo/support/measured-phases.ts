import type { PhaseResult } from '../../../src/demo/demo-report.ts'

export const MiB = 1024 * 1024

/** What a demo could have measured: in its second phase, half of the new bytes came twice from the registry. */
export const MEASURED: readonly PhaseResult[] = [
  {
    name: 'cold start',
    version: 'v1',
    how: '5 nodes at once',
    pulls: 5,
    seconds: 4.21,
    deliveredBytes: 320 * MiB,
    servedBytes: bytesIn(0, 192, 64, 64),
    fetchedBytes: { site: 192 * MiB, region: 64 * MiB, world: 0, upstream: 64 * MiB },
    upstreamBytes: 64 * MiB,
    uniqueBytes: 64 * MiB,
  },
  {
    name: 'roll-out',
    version: 'v2',
    how: 'node by node',
    pulls: 5,
    seconds: 3.29,
    deliveredBytes: 60 * MiB,
    servedBytes: bytesIn(10, 30, 10, 10),
    fetchedBytes: { site: 30 * MiB, region: 10 * MiB, world: 0, upstream: 15 * MiB },
    upstreamBytes: 15 * MiB,
    uniqueBytes: 10 * MiB,
  },
  {
    name: 'registry stopped',
    version: 'v2',
    how: 'a new node',
    pulls: 1,
    seconds: 1,
    deliveredBytes: 64 * MiB,
    servedBytes: bytesIn(0, 64, 0, 0),
    fetchedBytes: { site: 64 * MiB, region: 0, world: 0, upstream: 0 },
    upstreamBytes: 0,
    uniqueBytes: 64 * MiB,
  },
]

function bytesIn(cache: number, site: number, region: number, upstream: number): PhaseResult['servedBytes'] {
  return { cache: cache * MiB, site: site * MiB, region: region * MiB, world: 0, upstream: upstream * MiB }
}
