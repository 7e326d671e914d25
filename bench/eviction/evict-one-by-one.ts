import type { TraceBlob } from '../support/trace.ts'

/** Takes victims from `next` until they have `bytesToFree` or there are no more. */
export function evictOneByOne(
  blobs: readonly TraceBlob[],
  bytesToFree: number,
  next: () => number | undefined,
): readonly number[] {
  const victims: number[] = []
  for (let bytesLeft = bytesToFree; bytesLeft > 0;) {
    const victim = next()
    if (victim === undefined) break
    victims.push(victim)
    bytesLeft -= blobs[victim]?.sizeBytes ?? 0
  }
  return victims
}
