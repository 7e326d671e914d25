import { randomUUID } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { SourceScope } from '@layermesh/interface'
import { spawnNode, type NodeProcess } from '@layermesh/testkit'

import { runCommand } from '../../../test/support/run-command.ts'
import { cpuSecondsOf } from '../../support/process-cpu.ts'
import type { Place } from '../lab/lab.ts'
import { UPSTREAM_HOST, type Contender, type ContenderDeps, type RunningContender } from './contender.ts'

const CLI = fileURLToPath(new URL('../../../packages/cli/src/main.ts', import.meta.url))
const MIRROR_PORT = 5000
const MESH_PORT = 4001

/** What differs from the defaults, besides names, folders and addresses. */
const SETTINGS = {
  // A machine that runs a whole cluster is busy; that must not look like a peer that stands still.
  stallTimeout: { site: '10s', beyond: '10s' },
  // Disks of machines that benchmarks run on are rarely empty.
  minFreeBytes: '100MiB',
}

/** A layermesh node on every node. */
export const layermesh: Contender = {
  name: 'layermesh',
  tools: [],
  async version() {
    const { stdout } = await runCommand(process.execPath, [CLI, '--version'])
    return stdout.trim()
  },
  start: (deps) => startLayermesh(deps),
}

/** Settings of a cluster that differ from those of the contender. */
export interface LayermeshSettings {
  readonly sources?: readonly SourceScope[]
  readonly stallTimeout?: { readonly site: string; readonly beyond: string }
}

/** A layermesh node on every node, each of which can be looked at. */
export interface RunningLayermesh extends RunningContender {
  processAt(node: Place): NodeProcess
  /** The setting `node.dataDir`. */
  dataDirAt(node: Place): string
}

/** Starts a node on every node of the lab, and waits until all know each other. */
export function startLayermesh(
  deps: ContenderDeps,
  settings: LayermeshSettings = {},
): Promise<RunningLayermesh> {
  return Layermesh.start(deps, settings)
}

interface Member {
  readonly place: Place
  readonly dir: string
  process: NodeProcess
}

class Layermesh implements RunningLayermesh {
  readonly configuration = { nodes: 'one on every node, with its region and site', ...SETTINGS }
  readonly #deps: ContenderDeps
  readonly #settings: LayermeshSettings
  readonly #secret = randomUUID()
  readonly #members = new Map<string, Member>()
  readonly #killed = new Set<string>()

  private constructor(deps: ContenderDeps, settings: LayermeshSettings) {
    this.#deps = deps
    this.#settings = settings
  }

  static async start(deps: ContenderDeps, settings: LayermeshSettings): Promise<Layermesh> {
    const running = new Layermesh(deps, settings)
    try {
      const [first, ...others] = deps.lab.nodes
      if (first !== undefined) await running.#add(first)
      await Promise.all(others.map((place) => running.#add(place)))
      await running.#whenAllJoined()
    } catch (error) {
      await running[Symbol.asyncDispose]()
      throw error
    }
    return running
  }

  get processes() {
    return [...this.#members]
      .filter(([name]) => !this.#killed.has(name))
      .map(([name, { process }]) => ({ name, pid: process.pid }))
  }

  mirrorOf(node: Place): string | undefined {
    return this.#members.get(node.name)?.process.mirrorUrl
  }

  processAt(node: Place): NodeProcess {
    return this.#memberAt(node).process
  }

  dataDirAt(node: Place): string {
    return dataDirIn(this.#memberAt(node).dir)
  }

  async restart(): Promise<void> {
    const members = [...this.#members.values()]
    await Promise.all(members.map(({ process }) => process.stop()))
    const [first, ...others] = members
    if (first !== undefined) first.process = await this.#launch(first.place, first.dir, [])
    const bootstrap = first?.process.meshAddresses ?? []
    await Promise.all(
      others.map(async (member) => {
        member.process = await this.#launch(member.place, member.dir, bootstrap)
      }),
    )
    await this.#whenAllJoined()
  }

  async replaceNode(node: Place): Promise<void> {
    const member = this.#members.get(node.name)
    await member?.process.stop()
    this.#members.delete(node.name)
    if (member !== undefined) await rm(member.dir, { recursive: true, force: true })
    await this.#add(node)
    await this.#whenAllJoined()
  }

  /** A lead works for the others: the busiest process is the one that they wait for. */
  async killMostNeeded(): Promise<string | undefined> {
    const busy = await Promise.all(
      this.processes.map(async ({ name, pid }) => ({ name, cpuSeconds: await cpuSecondsOf(pid) })),
    )
    const name = busy.toSorted((a, b) => b.cpuSeconds - a.cpuSeconds)[0]?.name
    if (name === undefined) return undefined
    this.#killed.add(name)
    await this.#members.get(name)?.process.stop('SIGKILL')
    return name
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const members = [...this.#members.values()]
    await Promise.all(
      members.map(async ({ dir, process }) => {
        await process.stop('SIGKILL')
        await rm(dir, { recursive: true, force: true })
      }),
    )
  }

  #memberAt({ name }: Place): Member {
    const member = this.#members.get(name)
    if (member === undefined) throw new RangeError(`no process at ${name}`)
    return member
  }

  async #add(place: Place): Promise<void> {
    const dir = await this.#deps.lab.createDir(place.name)
    const bootstrap = this.#members.values().next().value?.process.meshAddresses ?? []
    this.#members.set(place.name, { place, dir, process: await this.#launch(place, dir, bootstrap) })
  }

  async #launch(place: Place, dir: string, bootstrap: readonly string[]): Promise<NodeProcess> {
    const { lab, origin } = this.#deps
    const secretFile = join(dir, 'secret')
    await mkdir(dir, { recursive: true })
    await writeFile(secretFile, this.#secret, { mode: 0o600 })
    return spawnNode({
      command: [...place.launcher, process.execPath, CLI, 'serve'],
      dir,
      config: {
        node: { name: place.name, dataDir: dataDirIn(dir) },
        locality: { region: place.region, site: place.site },
        mirror: { listen: [`127.0.0.1:${lab.portAt(MIRROR_PORT)}`], defaultUpstream: UPSTREAM_HOST },
        admin: { listen: '127.0.0.1:0' },
        cache: { minFreeBytes: SETTINGS.minFreeBytes },
        mesh: {
          listen: [`/ip4/${place.address}/tcp/${lab.portAt(MESH_PORT)}`],
          mdns: false,
          secretFile,
          bootstrap,
          stallTimeout: this.#settings.stallTimeout ?? SETTINGS.stallTimeout,
        },
        ...(this.#settings.sources && { sources: this.#settings.sources }),
        upstreams: [{ host: UPSTREAM_HOST, endpoints: [origin.url] }],
      },
    })
  }

  async #whenAllJoined(): Promise<void> {
    const processes = [...this.#members.values()].map(({ process }) => process)
    await Promise.all(
      processes.flatMap((node) =>
        processes
          .filter((peer) => peer !== node)
          .map((peer) =>
            node.waitForLog((line) => line.msg === 'peer joined' && line['peer'] === peer.peerId),
          ),
      ),
    )
  }
}

function dataDirIn(dir: string): string {
  return join(dir, 'data')
}
