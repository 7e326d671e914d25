import { createLayerCheck } from './check-layer.ts'
import { checkTogether } from './check-together.ts'
import { readConfigFile } from './config-file.ts'
import { deepFreeze } from './deep-freeze.ts'
import { environmentLayers } from './environment.ts'
import { mergeRaw } from './raw-group.ts'
import { readGroup } from './read-group.ts'
import { setLayers } from './set-flags.ts'
import type { RawGroup } from './setting.ts'
import { SETTINGS, type Config } from './settings.ts'

/** Where values come from, the weakest first; what none of them sets has its default. */
export interface ConfigSources {
  /** A YAML file. */
  readonly file?: string | undefined
  /** The environment, of which the variables `LAYERMESH_…` count. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Values of the flag `--set`: `key=value`. */
  readonly set: readonly string[]
}

/**
 * Reads, checks and completes a node's configuration. Throws ERR_CONFIG_INVALID with one line that names the key,
 * the value, where it was written and what is allowed.
 */
export async function loadConfig({ file, env, set }: ConfigSources): Promise<Config> {
  const fileLayers = file === undefined ? [] : [await readConfigFile(file)]
  const layers = [...fileLayers, ...environmentLayers(env), ...setLayers(set)]
  layers.forEach(createLayerCheck())
  const raw = layers.reduce<RawGroup>((lower, { values }) => mergeRaw(SETTINGS, lower, values), {})
  const config = readGroup(SETTINGS, raw)
  checkTogether(config)
  return deepFreeze(config)
}
