import { Ajv, type ErrorObject } from 'ajv'
import { byteSize } from './byte-size.ts'
import { duration, timeout } from './duration.ts'
import { invalidValue, unknownName } from './invalid-setting.ts'
import { groupSchema } from './json-schema.ts'
import type { Layer } from './layer.ts'
import { listenAddress } from './listen-address.ts'
import { meshDnsName, meshListenAddress, meshPeerAddress, meshPeerId } from './mesh-address.ts'
import { label, loginName, path, textPattern } from './plain-text.ts'
import {
  httpProxy,
  mirrorHost,
  networkHost,
  registryAlias,
  registryEndpoint,
  registryHost,
  registryMirror,
} from './registry-host.ts'
import type { JsonSchema } from './setting.ts'
import { SETTINGS } from './settings.ts'

const FORMATS = [
  byteSize,
  duration,
  timeout,
  label,
  loginName,
  path,
  textPattern,
  listenAddress,
  meshDnsName,
  meshListenAddress,
  meshPeerAddress,
  meshPeerId,
  httpProxy,
  mirrorHost,
  networkHost,
  registryAlias,
  registryEndpoint,
  registryHost,
  registryMirror,
]

/**
 * Makes a check of one layer against the schema of the table. Layers are checked one by one, before they are laid
 * over each other, so that an error can say where the value was written. Throws ERR_CONFIG_INVALID.
 */
export function createLayerCheck(): (layer: Layer) => void {
  const ajv = new Ajv({ verbose: true })
  ajv.addKeyword({ keyword: 'allowed', schemaType: 'string' })
  for (const format of FORMATS) {
    ajv.addFormat(format.name, { type: 'string', validate: (written) => format.parse(written) !== undefined })
  }
  const validate = ajv.compile(groupSchema(SETTINGS))
  return (layer) => {
    if (validate(layer.values)) return
    const [first] = validate.errors ?? []
    if (first !== undefined) throw settingError(first, layer.origin)
  }
}

function settingError(error: ErrorObject, origin: string): Error {
  const key = keyOf(error.instancePath)
  const schema = error.parentSchema as JsonSchema
  if (error.keyword === 'additionalProperties') {
    const { additionalProperty: name } = error.params as { readonly additionalProperty: string }
    const siblings = Object.keys(schema['properties'] as object)
    return unknownName(
      memberKey(key, name),
      origin,
      siblings.map((each) => memberKey(key, each)),
    )
  }
  if (error.keyword === 'required') {
    const { missingProperty: name } = error.params as { readonly missingProperty: string }
    const properties = schema['properties'] as Readonly<Record<string, JsonSchema>>
    return invalidValue(memberKey(key, name), undefined, origin, properties[name]?.allowed ?? schema.allowed)
  }
  return invalidValue(key, error.data, origin, schema.allowed)
}

function memberKey(key: string, name: string): string {
  return key === '' ? name : `${key}.${name}`
}

// A JSON pointer (RFC 6901) as people write keys: /upstreams/0/tags is upstreams[0].tags.
function keyOf(pointer: string): string {
  return pointer
    .slice(1)
    .replaceAll('~1', '/')
    .replaceAll('~0', '~')
    .replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.')
}
