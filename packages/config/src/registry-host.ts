import type { Format } from './format.ts'

// The host part of an image reference (distribution/reference, `domain`), in lower case.
const REGISTRY_HOST =
  /^([a-z\d]([a-z\d-]*[a-z\d])?(\.[a-z\d]([a-z\d-]*[a-z\d])?)*|\[[\da-f:.]+\])(:\d{1,5})?$/
// One component of a repository name (OCI distribution-spec 1.1, "Pulling manifests"): what a path prefix can be.
const NAME_COMPONENT = /^[a-z\d]+((\.|_|__|-+)[a-z\d]+)*$/

/** The host that images of an upstream are named by. */
export const registryHost: Format<string> = {
  name: 'registry-host',
  allowed: 'a host as in image names, in lower case, such as ghcr.io or registry.example.com:5000',
  parse: (text) => (REGISTRY_HOST.test(text) ? text : undefined),
}

/** Another name for an upstream. */
export const registryAlias: Format<string> = {
  name: 'registry-alias',
  allowed: 'a word or a host, in lower case, such as hub or index.docker.io',
  parse: (text) => (NAME_COMPONENT.test(text) || REGISTRY_HOST.test(text) ? text : undefined),
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
