/**
 * Does `work` for each of several candidates, round after round, so that what disturbs the machine for a while disturbs
 * all of them.
 */
export async function cycle<T>(
  name: string,
  rounds: number,
  candidates: readonly T[],
  work: (candidate: T, round: number) => Promise<void>,
): Promise<void> {
  for (let round = 1; round <= rounds; round += 1) {
    for (const candidate of candidates) {
      process.stderr.write(`${name}: round ${round} of ${rounds}\u001B[K\r`)
      await work(candidate, round)
    }
  }
}
