import { findUpstreamHost } from '@layermesh/oci'
import type { Format } from './format.ts'

// One component of a repository name (OCI distribution-spec 1.1, "Pulling manifests"): what a path prefix can be.
const NAME_COMPONENT = /^[a-z\d]+((\.|_|__|-+)[a-z\d]+)*$/

/** The host that images of an upstream are named by, in the one way in which requests are looked up. */
export const registryHost: Format<string> = {
  name: 'registry-host',
  allowed: 'a host as in image names, in lower case, such as docker.io or registry.example.com:5000',
  parse: (text) => (findUpstreamHost(text) === text ? text : undefined),
}

/** Another name for an upstream. */
export const registryAlias: Format<string> = {
  name: 'registry-alias',
  allowed: 'a word or a host, in lower case, such as hub or mirror.example.com',
  parse(text) {
    const host = findUpstreamHost(text)
    const valid = host === undefined ? NAME_COMPONENT.test(text) : host === text
    return valid ? text : undefined
  },
}

/** Where a registry's API is reached: an origin (RFC 6454), since `/v2/` is at its root. */
export const registryEndpoint: Format<string> = {
  name: 'registry-endpoint',
  allowed: 'http:// or https:// with a host and no path, such as https://registry.example.com:5000',
  parse(text) {
    const url = URL.parse(text)
    if (url === null || !/^https?:$/.test(url.protocol)) return undefined
    // Whatever makes the URL more than an origin: credentials, path, query, fragment.
    return url.href === `${url.origin}/` ? url.origin : undefined
  },
}
