import { ConfigInvalidError, formatListenAddress, type ListenAddress } from '@layermesh/interface'
import type { Config, UpstreamConfig } from './settings.ts'

/** Checks what no single setting shows. Throws ERR_CONFIG_INVALID. */
export function checkTogether(config: Config): void {
  checkUpstreamNames(config.upstreams)
  checkLogins(config.upstreams)
  checkListeners(config)
  checkTls(config.mirror.tls)
  const { defaultUpstream } = config.mirror
  const hosts = config.upstreams.map((upstream) => upstream.host)
  if (!hosts.includes(defaultUpstream)) {
    throw new ConfigInvalidError(
      `mirror.defaultUpstream = ${JSON.stringify(defaultUpstream)}: expected the host of an entry of upstreams: ${hosts.join(', ')}`,
    )
  }
}

// Of addresses whose port the system chooses there may be several.
function checkListeners({ admin, mirror, upstreams }: Config): void {
  const owners = new Map<string, string>()
  const claim = (key: string, address: ListenAddress) => {
    const text = formatListenAddress(address)
    const owner = owners.get(text)
    if (address.port === 0) return
    if (owner !== undefined) {
      throw new ConfigInvalidError(
        `${key} = ${JSON.stringify(text)}: expected an address that is not in ${owner}`,
      )
    }
    owners.set(text, key)
  }
  for (const address of mirror.listen) claim('mirror.listen', address)
  for (const address of mirror.tls.listen) claim('mirror.tls.listen', address)
  for (const { host, listen } of upstreams) {
    for (const address of listen) claim(`upstreams: listen of ${host}`, address)
  }
  claim('admin.listen', admin.listen)
}

function checkTls({ listen, certFile, keyFile }: Config['mirror']['tls']): void {
  if (certFile === undefined && keyFile === undefined && listen.length === 0) return
  if (certFile !== undefined && keyFile !== undefined && listen.length > 0) return
  const missing = listen.length === 0 ? 'listen' : certFile === undefined ? 'certFile' : 'keyFile'
  throw new ConfigInvalidError(
    `mirror.tls has no ${missing}: expected listen, certFile and keyFile together, or none of them`,
  )
}

// A request names its upstream by host or alias, so each name must lead to one.
function checkUpstreamNames(upstreams: Config['upstreams']): void {
  requireOnce('each host and alias', upstreams, ({ host, aliases }) => [host, ...aliases])
  requireOnce('each of servedAs', upstreams, ({ servedAs }) => servedAs)
}

function requireOnce(
  what: string,
  upstreams: Config['upstreams'],
  namesOf: (upstream: UpstreamConfig) => readonly string[],
): void {
  const owners = new Map<string, string>()
  for (const upstream of upstreams) {
    for (const name of namesOf(upstream)) {
      const owner = owners.get(name)
      if (owner !== undefined) {
        throw new ConfigInvalidError(
          `upstreams: ${JSON.stringify(name)} names both ${owner} and ${upstream.host}: expected ${what} once`,
        )
      }
      owners.set(name, upstream.host)
    }
  }
}

const LOGIN_PAIRS = [
  ['username', 'passwordFile'],
  ['certFile', 'keyFile'],
] as const

function checkLogins(upstreams: Config['upstreams']): void {
  for (const { host, credentials, endpoints } of upstreams) {
    for (const pair of LOGIN_PAIRS) {
      const missing = pair.filter((name) => credentials[name] === undefined)
      if (missing.length !== 1) continue
      throw new ConfigInvalidError(
        `upstreams: credentials of ${host} have no ${missing.join('')}: expected ${pair.join(' and ')} together`,
      )
    }
    if (credentials.certFile === undefined || endpoints.some((each) => each.startsWith('https:'))) continue
    throw new ConfigInvalidError(
      `upstreams: credentials of ${host} have a certFile, but it has no endpoint of https: expected one to show it to`,
    )
  }
}
