import type { Config } from '@layermesh/config'
import type { AccessPolicy } from '@layermesh/mirror'

/** Which clients may have what the logins of each upstream can have: the setting `credentials.clients`. */
export function accessPolicy(upstreams: Config['upstreams']): AccessPolicy {
  const clients = new Map(
    upstreams.flatMap(({ host, credentials }) =>
      hasLogin(credentials) ? [[host, credentials.clients] as const] : [],
    ),
  )
  return (upstream, isLocal) => {
    const allowed = clients.get(upstream)
    return allowed === 'all' || (allowed === 'loopback' && isLocal) ? 'login' : 'anonymous'
  }
}

function hasLogin({
  username,
  pullSecret,
  dockerConfig,
  certFile,
}: Config['upstreams'][number]['credentials']): boolean {
  return [username, pullSecret, dockerConfig, certFile].some((each) => each !== undefined)
}
