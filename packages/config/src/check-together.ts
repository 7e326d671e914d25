import { ConfigInvalidError, formatListenAddress } from '@layermesh/interface'
import type { Config } from './settings.ts'

/** Checks what no single setting shows. Throws ERR_CONFIG_INVALID. */
export function checkTogether(config: Config): void {
  checkUpstreamNames(config.upstreams)
  checkLogins(config.upstreams)
  const { defaultUpstream, listen } = config.mirror
  const hosts = config.upstreams.map((upstream) => upstream.host)
  if (!hosts.includes(defaultUpstream)) {
    throw new ConfigInvalidError(
      `mirror.defaultUpstream = ${JSON.stringify(defaultUpstream)}: expected the host of an entry of upstreams: ${hosts.join(', ')}`,
    )
  }
  const { host, port } = config.admin.listen
  if (port !== 0 && listen.some((address) => address.host === host && address.port === port)) {
    throw new ConfigInvalidError(
      `admin.listen = ${JSON.stringify(formatListenAddress(config.admin.listen))}: expected an address that is not in mirror.listen`,
    )
  }
}

// A request names its upstream by host or alias, so each name must lead to one.
function checkUpstreamNames(upstreams: Config['upstreams']): void {
  const owners = new Map<string, string>()
  for (const { host, aliases } of upstreams) {
    for (const name of [host, ...aliases]) {
      const owner = owners.get(name)
      if (owner !== undefined) {
        throw new ConfigInvalidError(
          `upstreams: ${JSON.stringify(name)} names both ${owner} and ${host}: expected each host and alias once`,
        )
      }
      owners.set(name, host)
    }
  }
}

function checkLogins(upstreams: Config['upstreams']): void {
  for (const { host, credentials } of upstreams) {
    const { username, passwordFile } = credentials
    if ((username === undefined) === (passwordFile === undefined)) continue
    const missing = username === undefined ? 'username' : 'passwordFile'
    throw new ConfigInvalidError(
      `upstreams: credentials of ${host} have no ${missing}: expected username and passwordFile together`,
    )
  }
}
