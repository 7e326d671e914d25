import { rm } from 'node:fs/promises'

import { runCommand } from '../../../test/support/run-command.ts'
import type { Lab, Place } from '../lab/lab.ts'
import type { Contender, ContenderDeps, RunningContender } from './contender.ts'
import { startRegistryServer, type RegistryServer } from './registry-server.ts'

const PORT = 5000

/** Where caches stand, and which one a node asks. */
interface Placement {
  readonly caches: (lab: Lab) => readonly Place[]
  readonly cacheOf: (lab: Lab, node: Place) => Place | undefined
}

/** One cache for everybody: what most people have. */
export const pullThrough = pullThroughContender('pull-through', 'one central cache', {
  caches: (lab) => [lab.centralCache],
  cacheOf: (lab) => lab.centralCache,
})

/** A cache in each site: what somebody has who has noticed the links between them. */
export const pullThroughPerSite = pullThroughContender('pull-through-site', 'one cache in each site', {
  caches: (lab) => lab.siteCaches,
  cacheOf: (lab, node) => lab.siteCaches.find(({ site }) => site === node.site),
})

function pullThroughContender(name: string, placementTitle: string, placement: Placement): Contender {
  return {
    name,
    tools: ['docker-registry'],
    async version() {
      const { stdout } = await runCommand('docker-registry', ['--version'])
      return stdout.trim().split('\n', 1)[0] ?? ''
    },
    start: (deps) => PullThrough.start(deps, placementTitle, placement),
  }
}

class PullThrough implements RunningContender {
  readonly configuration
  readonly #deps: ContenderDeps
  readonly #placement: Placement
  readonly #servers = new Map<
    string,
    { readonly place: Place; readonly dir: string; server: RegistryServer }
  >()
  readonly #killed = new Set<string>()

  private constructor(deps: ContenderDeps, title: string, placement: Placement) {
    this.#deps = deps
    this.#placement = placement
    this.configuration = {
      placement: title,
      settings: 'proxy.remoteurl is upstream, storage is a folder, all else as it is by default',
    }
  }

  static async start(deps: ContenderDeps, title: string, placement: Placement): Promise<PullThrough> {
    const running = new PullThrough(deps, title, placement)
    try {
      for (const place of placement.caches(deps.lab)) {
        const dir = await deps.lab.createDir(place.name)
        running.#servers.set(place.name, { place, dir, server: await running.#launch(place, dir) })
      }
    } catch (error) {
      await running[Symbol.asyncDispose]()
      throw error
    }
    return running
  }

  get processes() {
    return [...this.#servers]
      .filter(([name]) => !this.#killed.has(name))
      .map(([name, { server }]) => ({ name, pid: server.pid }))
  }

  mirrorOf(node: Place): string | undefined {
    const cache = this.#placement.cacheOf(this.#deps.lab, node)
    return this.#servers.get(cache?.name ?? '')?.server.url
  }

  async restart(): Promise<void> {
    for (const entry of this.#servers.values()) {
      await entry.server.stop()
      entry.server = await this.#launch(entry.place, entry.dir)
    }
  }

  /** Nodes have nothing of this contender's on them. */
  replaceNode(): Promise<void> {
    return Promise.resolve()
  }

  async killMostNeeded(): Promise<string | undefined> {
    const [name, entry] = [...this.#servers].find(([one]) => !this.#killed.has(one)) ?? []
    if (name === undefined) return undefined
    this.#killed.add(name)
    await entry?.server.stop('SIGKILL')
    return name
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { dir, server } of this.#servers.values()) {
      await server.stop('SIGKILL')
      await rm(dir, { recursive: true, force: true })
    }
  }

  #launch(place: Place, dir: string): Promise<RegistryServer> {
    const { lab, origin } = this.#deps
    return startRegistryServer(place, { dir, port: lab.portAt(PORT), remoteUrl: origin.url })
  }
}
