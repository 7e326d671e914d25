import { findUpstreamHost } from '@layermesh/oci'

/** What a login of a configuration file is for: a registry, or the repositories of a part of one. */
export interface AuthKey {
  /** Canonical; each label may hold `*` (Kubernetes, "Images": pull secrets). */
  readonly host: string
  /** First components of the names of its repositories (containers-auth.json(5)); empty for all. */
  readonly namespace: string
}

/** Reads a key of `auths`: `host`, `host:port`, `host/namespace`, or a URL like Docker Hub's `https://index.docker.io/v1/`. */
export function parseAuthKey(text: string): AuthKey {
  const [host = '', ...path] = text.replace(/^https?:\/\//i, '').split('/')
  // Docker wrote the version of the API behind the host.
  const components = path.filter((component) => component !== '' && !/^v[12]$/.test(component))
  return { host: canonicalHost(host), namespace: components.join('/') }
}

/** One name for hosts that are the same registry, such as all of Docker Hub's. */
export function canonicalHost(host: string): string {
  return findUpstreamHost(host) ?? host.toLowerCase()
}

/** How well a key fits a repository of a host (canonical): the larger the better, undefined when it doesn't. */
export function fitOf(key: AuthKey, host: string, repository: string): number | undefined {
  if (!`${repository}/`.startsWith(key.namespace === '' ? '' : `${key.namespace}/`)) return undefined
  if (key.host === host) return 2 * key.namespace.length + 1
  return matchesGlob(key.host, host) ? 2 * key.namespace.length : undefined
}

// Label by label: `*.example.com` is no word for `a.b.example.com`.
function matchesGlob(pattern: string, host: string): boolean {
  const labels = host.split('.')
  const wanted = pattern.split('.')
  return (
    pattern.includes('*') &&
    wanted.length === labels.length &&
    wanted.every((glob, index) => globToRegExp(glob).test(labels[index] ?? ''))
  )
}

function globToRegExp(glob: string): RegExp {
  return new RegExp(`^${glob.replace(/[^\w*-]/g, String.raw`\$&`).replaceAll('*', '.*')}$`)
}
