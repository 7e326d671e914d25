import { setTimeout } from 'node:timers/promises'

const SAMPLE_EVERY_MS = 200

/** Calls `sample` at the start, now and then, and at the end of `work`, and returns what came of the work. */
export async function whileSampling<Result>(
  sample: () => Promise<void>,
  work: () => Promise<Result>,
): Promise<Result> {
  const over = new AbortController()
  await sample()
  const sampling = (async () => {
    for (;;) {
      await setTimeout(SAMPLE_EVERY_MS, undefined, { signal: over.signal })
      await sample()
    }
  })().catch((error: unknown) => {
    if (!over.signal.aborted) throw error
  })
  try {
    return await work()
  } finally {
    over.abort()
    await sampling
    await sample()
  }
}
