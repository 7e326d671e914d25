import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where Debian keeps programs that are for root, should PATH not say so. */
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** Those of `tools` that aren't installed. */
export function missingTools<Tool extends string>(tools: readonly Tool[]): Tool[] {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_PATH]
  const isThere = (file: string) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  }
  return tools.filter((tool) => !folders.some((folder) => isThere(join(folder, tool))))
}
