import { unknownName } from './invalid-setting.ts'
import { layerOf, type Layer } from './layer.ts'
import { environmentName, SETTING_KEYS } from './setting-keys.ts'
import { parseYaml } from './yaml-value.ts'

// Kubernetes adds such variables to a container for each Service of its namespace (Kubernetes docs, "Discovering
// services"); those of a Service whose name begins with "layermesh" are not meant for us.
const SERVICE_LINK_NAME = /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/
const SERVICE_LINK_VALUE = /^(tcp|udp|sctp):\/\//

/**
 * The layers of the variables `LAYERMESH_…`, each value in YAML. An empty one sets nothing.
 * Throws ERR_CONFIG_INVALID for one that is no setting.
 */
export function environmentLayers(env: Readonly<Record<string, string | undefined>>): readonly Layer[] {
  const keys = new Map(SETTING_KEYS.map((key) => [environmentName(key), key]))
  const layers: Layer[] = []
  for (const [name, written] of Object.entries(env)) {
    if (!name.startsWith('LAYERMESH_') || isServiceLink(name, written)) continue
    const key = keys.get(name)
    if (key === undefined) throw unknownName(name, 'the environment', [...keys.keys()])
    const value = parseYaml(written ?? '', name)
    if (value !== null) layers.push(layerOf(name, key, value))
  }
  return layers
}

function isServiceLink(name: string, written = ''): boolean {
  return SERVICE_LINK_NAME.test(name) || (name.endsWith('_PORT') && SERVICE_LINK_VALUE.test(written))
}
