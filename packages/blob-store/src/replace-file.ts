import { dirname } from 'node:path'
import type { Disk } from './disk.ts'

/**
 * Writes a file anew so that, whatever happens, either the old or the new content is there, and the new one survives a
 * power cut once this resolves. One at a time for a path: a file beside it, `<path>.new`, is what is being written.
 */
export async function replaceFile(disk: Disk, path: string, content: string): Promise<void> {
  const temporary = `${path}.new`
  const handle = await disk.open(temporary, 'w', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await disk.rename(temporary, path)
  await disk.syncFolder(dirname(path))
}
