import { setTimeout } from 'node:timers/promises'

const PAUSE_MS = 50

/**
 * Resolves once `condition` holds; for what can only be asked, not waited on. Rejects with what `condition` throws,
 * and with `signal.reason`.
 */
export async function until(
  condition: () => Promise<boolean>,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const { signal } = options
  while (!(await condition())) {
    signal?.throwIfAborted()
    await setTimeout(PAUSE_MS)
  }
}
