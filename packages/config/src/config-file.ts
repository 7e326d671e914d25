import { readFile } from 'node:fs/promises'
import { ConfigInvalidError } from '@layermesh/interface'
import { invalidValue } from './invalid-setting.ts'
import type { Layer } from './layer.ts'
import { isRawGroup } from './raw-group.ts'
import { parseYaml } from './yaml-value.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
}

/** Reads a configuration file; an empty one sets nothing. Throws ERR_CONFIG_INVALID when it can't be read or isn't a mapping. */
export async function readConfigFile(file: string): Promise<Layer> {
  const values = parseYaml(await read(file), file) ?? {}
  if (!isRawGroup(values)) throw invalidValue('the file', values, file, 'a mapping of settings')
  return { origin: file, values }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? ''
    const reason = REASONS[code] ?? code
    throw new ConfigInvalidError(`--config = ${JSON.stringify(file)} can not be read: ${reason}`, { cause })
  }
}
