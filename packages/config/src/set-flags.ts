import { ConfigInvalidError } from '@layermesh/interface'
import { unknownName } from './invalid-setting.ts'
import { layerOf, type Layer } from './layer.ts'
import { SETTING_KEYS } from './setting-keys.ts'
import { parseYaml } from './yaml-value.ts'

/**
 * The layers of the flags `--set key=value`, each value in YAML, later ones over earlier ones. An empty value sets
 * nothing. Throws ERR_CONFIG_INVALID for a key that is no setting.
 */
export function setLayers(flags: readonly string[]): readonly Layer[] {
  return flags.flatMap((flag) => {
    const [, key, written] = /^([^=]+)=(.*)$/s.exec(flag) ?? []
    if (key === undefined || written === undefined) {
      throw new ConfigInvalidError(
        `--set ${JSON.stringify(flag)}: expected key=value, such as log.level=debug`,
      )
    }
    if (!SETTING_KEYS.includes(key)) throw unknownName(key, '--set', SETTING_KEYS)
    const value = parseYaml(written, `--set ${key}`)
    return value === null ? [] : [layerOf(`--set ${key}`, key, value)]
  })
}
