import type { CancelTimer, Clock, Log, Startable } from '@layermesh/interface'
import type { DnsName } from './dns-names.ts'

/** How often names are looked up, in milliseconds: what a headless Service of Kubernetes answers changes with its pods. */
export const RESOLVE_INTERVAL_MS = 15_000

/** Collaborators and tunables of {@link DnsDiscovery}. */
export interface DnsDiscoveryDeps {
  readonly clock: Clock
  readonly log: Log
  readonly names: readonly DnsName[]
  /** Looks a name up; returns multiaddrs. */
  readonly resolve: (name: DnsName) => Promise<readonly string[]>
  /** Takes all addresses that the names have now. */
  readonly found: (addresses: readonly string[]) => void
}

/** Finds nodes by names, again and again. A name that can't be looked up keeps the addresses that it had. */
export class DnsDiscovery implements Startable {
  readonly #deps: DnsDiscoveryDeps
  readonly #known = new Map<DnsName, readonly string[]>()
  readonly #failing = new Set<DnsName>()
  #started = false
  #cancelTimer: CancelTimer = () => {}

  constructor(deps: DnsDiscoveryDeps) {
    this.#deps = deps
  }

  start(): Promise<void> {
    this.#started = true
    if (this.#deps.names.length > 0) void this.#look()
    return Promise.resolve()
  }

  stop(): Promise<void> {
    this.#started = false
    this.#cancelTimer()
    return Promise.resolve()
  }

  async #look(): Promise<void> {
    const { clock, names, found } = this.#deps
    await Promise.all(names.map((name) => this.#resolve(name)))
    if (!this.#started) return
    found([...new Set([...this.#known.values()].flat())])
    this.#cancelTimer = clock.setTimer(RESOLVE_INTERVAL_MS, () => void this.#look())
  }

  async #resolve(name: DnsName): Promise<void> {
    const { log, resolve } = this.#deps
    try {
      this.#known.set(name, await resolve(name))
      this.#failing.delete(name)
    } catch (error) {
      // One line that is seen each time that it begins to fail.
      log[this.#failing.has(name) ? 'debug' : 'warn']({ name: name.name, err: error }, 'name not resolved')
      this.#failing.add(name)
    }
  }
}
