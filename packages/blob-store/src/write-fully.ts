import type { FileHandle } from 'node:fs/promises'

/** Writes all of `bytes` at `offset`, however little the system takes at once. */
export async function writeFully(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done)
    done += bytesWritten
  }
}
