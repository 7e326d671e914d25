import { RouteInvalidError } from '@layermesh/interface'
import { quoteInput } from './quote-input.ts'

/** The image host of Docker Hub. */
export const DOCKER_HUB = 'docker.io'

const DOCKER_HUB_ALIASES: ReadonlySet<string> = new Set(['index.docker.io', 'registry-1.docker.io'])

const MAX_HOST_LENGTH = 255
const MAX_PORT = 65_535
const HTTPS_PORT = 443
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const HOST_AND_PORT = new RegExp(`^((?:${LABEL}\\.)*${LABEL}|\\[[0-9a-f:.]+\\])(?::([0-9]{1,5}))?$`)

/**
 * The one way in which we write an image host, `host` or `host:port`: lower case, without the port of HTTPS, and
 * `docker.io` for all names of Docker Hub. Throws ERR_ROUTE_INVALID when `text` is no such thing.
 */
export function canonicalUpstreamHost(text: string): string {
  const host = findUpstreamHost(text)
  if (host === undefined) throw new RouteInvalidError(`${quoteInput(text)} is no registry host`)
  return host
}

/** As {@link canonicalUpstreamHost}, but undefined when `text` is no host. */
export function findUpstreamHost(text: string): string | undefined {
  if (text.length > MAX_HOST_LENGTH) return undefined
  const [, name, port] = HOST_AND_PORT.exec(text.toLowerCase()) ?? []
  if (name === undefined) return undefined
  const portNumber = Number(port ?? HTTPS_PORT)
  if (portNumber < 1 || portNumber > MAX_PORT) return undefined
  if (portNumber !== HTTPS_PORT) return `${name}:${portNumber}`
  return DOCKER_HUB_ALIASES.has(name) ? DOCKER_HUB : name
}

/**
 * The canonical host of a registry that could be one of the public Internet, by its name: a domain name with a dot, on the port of
 * HTTPS. Undefined for addresses and whatever a resolver takes for one, for names of one label, and with any other port. Whether
 * it has a public address is not known before it is looked up.
 */
export function findPublicHost(text: string): string | undefined {
  const host = findUpstreamHost(text)
  const labels = host?.split('.') ?? []
  const last = labels.at(-1) ?? ''
  // A name whose last label is a number is read as an IPv4 address (WHATWG URL, "ends in a number").
  return labels.length > 1 && !/[:[]/.test(last) && !/^(?:\d+|0x[\da-f]*)$/.test(last) ? host : undefined
}

/** Adds the `library/` that Docker Hub's one-component names stand for. */
export function canonicalRepository(upstream: string, repository: string): string {
  return upstream === DOCKER_HUB && !repository.includes('/') ? `library/${repository}` : repository
}
