import type { LookupFunction } from 'node:net'
import { getCACertificates } from 'node:tls'
import { type Dispatcher, EnvHttpProxyAgent } from 'undici'
import type { ClientCertificate } from './client-certificate.ts'

/** How many connections one host gets; requests beyond wait for a free one. */
const CONNECTIONS_PER_HOST = 32
/** How long an idle connection is kept when the server names no time, in milliseconds. */
const KEEP_ALIVE_MS = 30_000
/** Nobody's proxy stands between two programs of one machine. */
const LOOPBACK = 'localhost,127.0.0.1,::1'

/** How connections are made; times in milliseconds. */
export interface DispatcherInit {
  readonly connectTimeoutMs: number
  readonly headersTimeoutMs: number
  /** Certificates in PEM of authorities that are trusted beside the system's. */
  readonly ca: string | undefined
  /** Base URL of an HTTP proxy; undefined for what the environment says. */
  readonly proxy: string | undefined
  /** Where `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are looked up, in lower case first. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Makes what requests go out by. Names are looked up by `lookup`, but not those that a proxy looks up itself. Every server that
 * is asked sees `certificate`, but no proxy.
 */
export function createDispatcher(
  init: DispatcherInit,
  lookup: LookupFunction,
  certificate?: ClientCertificate,
): Dispatcher {
  const { ca, connectTimeoutMs, headersTimeoutMs } = init
  const tls = {
    ...(ca !== undefined && { ca: [...getCACertificates('default'), ca] }),
    ...(certificate !== undefined && { cert: certificate.cert, key: certificate.key }),
  }
  return new EnvHttpProxyAgent({
    ...proxiesOf(init),
    connections: CONNECTIONS_PER_HOST,
    // A blob may take minutes: whatever were queued behind it on its connection would wait as long.
    pipelining: 1,
    // For the same reason: many streams on one connection share one flow-control window and one loss.
    allowH2: false,
    connectTimeout: connectTimeoutMs,
    headersTimeout: headersTimeoutMs,
    // The stall guard of ReplyBody does this by the injected clock.
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connect: { lookup, ...tls },
    requestTls: tls,
  })
}

// All three are always given, for what is undefined is looked up in the environment of the process.
function proxiesOf({ env, proxy }: DispatcherInit) {
  const read = (name: string) => env[name.toLowerCase()] ?? env[name] ?? ''
  return {
    httpProxy: proxy ?? read('HTTP_PROXY'),
    httpsProxy: proxy ?? read('HTTPS_PROXY'),
    noProxy: proxy === undefined ? `${read('NO_PROXY')},${LOOPBACK}` : LOOPBACK,
  }
}
