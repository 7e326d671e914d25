import { findPublicHost } from '@layermesh/oci'
import { ConfiguredCredentials } from './configured-credentials.ts'
import type { AskHelper } from './credential-helper.ts'
import { Endpoint } from './endpoint.ts'
import type { HttpTransport } from './http-transport.ts'
import { Upstream, type UpstreamDeps } from './upstream.ts'

/** How many are remembered; the one that was asked longest ago is forgotten first, with its tokens and its health. */
export const MAX_OTHER_UPSTREAMS = 256

/** What they work with. */
export interface OtherUpstreamsDeps extends Omit<UpstreamDeps, 'credentials'> {
  readonly askHelper: AskHelper
  /** One for all; it must keep to the Internet. */
  readonly transport: HttpTransport
}

/** The upstreams that nobody has configured and that are asked all the same: each begins when it is first wanted. */
export class OtherUpstreams {
  readonly #deps: OtherUpstreamsDeps
  /** The one that was asked last is the last. */
  readonly #upstreams = new Map<string, Upstream>()

  constructor(deps: OtherUpstreamsDeps) {
    this.#deps = deps
  }

  /** The upstream of this image host; undefined when its name can't be that of a public one. */
  get(host: string): Upstream | undefined {
    if (findPublicHost(host) !== host) return undefined
    const upstream = this.#upstreams.get(host) ?? this.#create(host)
    this.#upstreams.delete(host)
    this.#upstreams.set(host, upstream)
    const [oldest] = this.#upstreams.keys()
    if (this.#upstreams.size > MAX_OTHER_UPSTREAMS && oldest !== undefined) this.#upstreams.delete(oldest)
    return upstream
  }

  /** Those that are remembered. */
  list(): readonly Upstream[] {
    return [...this.#upstreams.values()]
  }

  #create(host: string): Upstream {
    const { askHelper, transport, ...deps } = this.#deps
    const { clock, log } = deps
    const credentials = new ConfiguredCredentials({ clock, log, askHelper }, host, {})
    const endpoint = new Endpoint(
      { clock, transport, credentials },
      { upstream: host, baseUrl: `https://${host}`, isMirror: false },
    )
    return new Upstream({ ...deps, credentials }, host, [endpoint])
  }
}
