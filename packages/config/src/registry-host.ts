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

/** What a client sends as `Host`. */
export const mirrorHost: Format<string> = {
  name: 'mirror-host',
  allowed: 'a host in lower case, with a port or without, such as docker.mirror.local or 127.0.0.1:5010',
  parse: (text) => (text === text.toLowerCase() && findUpstreamHost(text) !== undefined ? text : undefined),
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

/** Where a mirror is reached: an origin, and what stands before the names of images there. */
export const registryMirror: Format<string> = {
  name: 'registry-mirror',
  allowed:
    'http:// or https:// with a host and, if need be, the first part of names, such as https://harbor.example.com/hub',
  parse(text) {
    const url = URL.parse(text)
    if (url === null || !/^https?:$/.test(url.protocol)) return undefined
    const components = url.pathname.split('/').filter((component) => component !== '')
    if (!components.every((component) => NAME_COMPONENT.test(component))) return undefined
    const plain = [url.origin, ...components].join('/')
    return [plain, `${plain}/`].includes(url.href) ? plain : undefined
  },
}

/** A host as it stands in URLs, without a port. */
export const networkHost: Format<string> = {
  name: 'network-host',
  allowed: 'a host in lower case, such as storage.example.com or 10.0.0.7',
  parse: (text) => (URL.parse(`https://${text}/`)?.hostname === text ? text : undefined),
}

/** Where an HTTP proxy is, login included. */
export const httpProxy: Format<string> = {
  name: 'http-proxy',
  allowed: 'http:// or https:// with a host and no path, such as http://proxy.example.com:3128',
  parse(text) {
    const url = URL.parse(text)
    if (url === null || !/^https?:$/.test(url.protocol)) return undefined
    return url.pathname === '/' && url.search === '' && url.hash === '' ? url.href : undefined
  },
}
