import type { Fill } from '@layermesh/interface'

import { chunksOf } from './blob-file.ts'

/** How much the store gets at once: what a socket gives. */
const WRITE_BYTES = 64 * 1024

/** Writes a file's bytes to a fill, in the portions in which they would come over the network. */
export async function fillFromFile(fill: Fill, path: string): Promise<void> {
  let offset = 0
  for await (const chunk of chunksOf(path)) {
    for (let start = 0; start < chunk.length; start += WRITE_BYTES) {
      const bytes = chunk.subarray(start, start + WRITE_BYTES)
      await fill.write(offset, bytes)
      offset += bytes.length
    }
  }
}
