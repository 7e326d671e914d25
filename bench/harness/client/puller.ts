import { performance } from 'node:perf_hooks'

import type { Digest } from '@layermesh/interface'
import { pullImage } from '@layermesh/testkit'

import type { PullCommand } from './puller-process.ts'
import type { PullOutcome } from './pull-outcome.ts'

// The clients of one node, in a process of their own, so that they are on that node's network. Told over IPC what to pull.

/** What the node's client has on its disk, by digest; the bytes themselves nobody needs. */
const store = new Set<Digest>()

process.on('message', ({ id, ...command }: PullCommand & { readonly id: number }) => {
  void run(command).then((outcome) => process.send?.({ id, outcome }, undefined, {}, () => {}))
})
process.send?.('ready')
// Without its parent nobody could stop it.
process.on('disconnect', () => {
  process.exit()
})

async function run({
  mirror,
  upstream,
  host,
  keep,
  fallback = true,
  repository,
  reference,
}: PullCommand): Promise<PullOutcome> {
  const startedMs = performance.now()
  let firstByteMs: number | undefined
  let receivedBytes = 0
  const sinceStart = () => performance.now() - startedMs
  const base = { startedAtMs: performance.timeOrigin + startedMs }
  try {
    const result = await pullImage({
      url: mirror ?? upstream,
      ...(mirror !== undefined && { namespace: host, ...(fallback && { fallbackUrl: upstream }) }),
      repository,
      reference,
      ...(keep && { known: store }),
      onBytes(count) {
        firstByteMs ??= sinceStart()
        receivedBytes += count
      },
    })
    if (keep) for (const digest of result.digests) store.add(digest)
    const { bytes, digests } = result
    const durationMs = sinceStart()
    return {
      ...base,
      durationMs,
      firstByteMs: firstByteMs ?? durationMs,
      bytes,
      verifiedDigests: digests.length,
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { ...base, durationMs: sinceStart(), bytes: receivedBytes, verifiedDigests: 0, error: reason }
  }
}
