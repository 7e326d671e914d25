import { isGroup, type Group, type Setting } from './setting.ts'
import { SETTINGS } from './settings.ts'

/** Each setting of a group with its dotted key, in the order of the table. */
export function* settingsOf(of: Group, prefix = ''): Generator<readonly [key: string, setting: Setting]> {
  for (const [name, entry] of Object.entries(of.entries)) {
    const key = prefix + name
    if (isGroup(entry)) yield* settingsOf(entry, `${key}.`)
    else yield [key, entry]
  }
}

/** Dotted keys of all settings that the environment and `--set` can give. */
export const SETTING_KEYS: readonly string[] = [...settingsOf(SETTINGS)].map(([key]) => key)

/** The environment's name for a setting: `mesh.stallTimeout.site` is LAYERMESH_MESH_STALL_TIMEOUT_SITE. */
export function environmentName(key: string): string {
  return `LAYERMESH_${key.replaceAll('.', '_').replace(/[A-Z]/g, '_$&').toUpperCase()}`
}
