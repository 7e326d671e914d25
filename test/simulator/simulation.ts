import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'

import { LINK_CLASSES, type Digest, type LinkClass, type PeerId } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { seededRandom } from '@layermesh/testkit'

import { SimNetwork } from './sim-network.ts'
import { SimNode } from './sim-node.ts'
import { SimUpstream } from './sim-upstream.ts'
import { VirtualClock } from './virtual-clock.ts'

/** What is played. */
export interface SimulationInit {
  readonly seed: number
  readonly nodes: number
  readonly regions: number
  readonly sitesPerRegion: number
  /** Things that happen at random, one after the other. */
  readonly steps: number
}

/** What has happened. */
export interface SimulationReport {
  readonly steps: number
  readonly events: number
  readonly virtualSeconds: number
  readonly pulls: { readonly done: number; readonly failed: number; readonly abandoned: number }
  /** What came from upstream, by the blobs of which anything did. */
  readonly upstreamCopies: number
  /** Nodes that were cut off by another one though they had nothing wrong. */
  readonly wronglyBanned: number
  readonly messages: Readonly<SimNetwork['counts']>
}

const BLOBS = 40
const STEP_MS = 1500
/** Views and pulls have so long when nothing happens any more: silence is noticed, links are dialled, two heartbeats pass. */
const CALM_MS = 45_000
/** No pull may take longer, whatever happens. */
const LONGEST_PULL_MS = 180_000
const SAMPLED_NODES = 24
const SAMPLED_BLOBS = 2

/**
 * A cluster in virtual time to which everything happens that may: the daemon's own membership, directory and lead logic,
 * with chance that a seed decides. Throws when what must hold does not.
 */
export class Simulation {
  readonly #init: SimulationInit
  readonly #clock = new VirtualClock()
  readonly #random: () => number
  readonly #network: SimNetwork<SimNode>
  readonly #upstream = new SimUpstream()
  readonly #nodes: readonly SimNode[]
  readonly #blobs: readonly Digest[]
  readonly #pulls = { done: 0, failed: 0, abandoned: 0 }
  readonly #open = new Map<symbol, { readonly sinceMs: number; readonly what: string }>()
  #steps = 0
  #events = 0

  constructor(init: SimulationInit) {
    this.#init = init
    this.#random = seededRandom(init.seed)
    this.#network = new SimNetwork(this.#clock, this.#random)
    this.#blobs = Array.from({ length: BLOBS }, (_, index) => digestOf(Buffer.from(`blob ${index}`)))
    const deps = {
      clock: this.#clock,
      random: this.#random,
      network: this.#network,
      upstream: this.#upstream,
    }
    this.#nodes = Array.from({ length: init.nodes }, (_, index) => {
      const region = `region-${index % init.regions}`
      const site = `site-${Math.floor(index / init.regions) % init.sitesPerRegion}`
      return new SimNode(deps, {
        ...{ name: `${index}`, locality: { region, site } },
        ...{ isOlder: this.#random() < 0.1, isRotten: this.#random() < 0.02 },
      })
    })
    for (const node of this.#nodes) this.#network.nodes.set(node.peer, node)
  }

  /** Plays all steps, and then lets the cluster come to rest. */
  async run(): Promise<SimulationReport> {
    for (const node of this.#nodes) node.start()
    await this.#pass(CALM_MS)
    for (let step = 0; step < this.#init.steps; step += 1) await this.#step()
    this.#calm()
    await this.#pass(CALM_MS)
    this.#checkViews()
    await this.#checkThatPullsSucceed()
    const wronglyBanned = this.#nodes.filter(
      (node) => !node.isRotten && this.#nodes.some((other) => other.isBanned(node)),
    ).length
    for (const node of this.#nodes) node.crash(false)
    await this.#pass(1)
    return {
      ...{ steps: this.#steps, events: this.#events, pulls: { ...this.#pulls } },
      virtualSeconds: this.#clock.monotonicMs() / 1000,
      upstreamCopies: this.#upstream.copies,
      wronglyBanned,
      messages: { ...this.#network.counts },
    }
  }

  async #step(): Promise<void> {
    this.#steps += 1
    this.#happen()
    await this.#pass(STEP_MS * this.#random())
    this.#checkLeads()
    this.#checkPulls()
  }

  /** One thing happens. */
  #happen(): void {
    const dice = this.#random()
    if (dice < 0.35) this.#pullOnSome()
    else if (dice < 0.5) this.#pull(this.#anyNode(), this.#anyBlob())
    else if (dice < 0.6) this.#anyNode().crash(this.#random() < 0.5)
    else if (dice < 0.74) this.#startOne()
    else if (dice < 0.78) this.#partition()
    else if (dice < 0.84) this.#heal()
    else if (dice < 0.9) this.#worsen()
    else if (dice < 0.95) this.#anyNode().evict(this.#anyBlob())
    else this.#upstream.isUp = this.#random() < 0.7
  }

  #pullOnSome(): void {
    const digest = this.#anyBlob()
    const count = 1 + Math.floor(this.#random() * 12)
    for (let pull = 0; pull < count; pull += 1) this.#pull(this.#anyNode(), digest)
  }

  #pull(node: SimNode, digest: Digest): void {
    if (!node.alive) return
    const id = Symbol(digest)
    this.#open.set(id, { sinceMs: this.#clock.monotonicMs(), what: `${node.peer} of ${digest}` })
    node.join(digest).whenEnded((end) => {
      this.#open.delete(id)
      this.#pulls[end] += 1
      if (end === 'done')
        assert.ok(node.held.has(digest), `${node.peer} has ${digest} not, though its pull is done`)
    })
  }

  #startOne(): void {
    const node = this.#nodes.find(({ alive }) => !alive)
    node?.start()
  }

  #partition(): void {
    const { regions } = this.#init
    const region = `region-${Math.floor(this.#random() * regions)}`
    const isWhole = this.#random() < 0.5
    const cut = this.#nodes.filter(({ locality }) =>
      isWhole ? locality.region === region : this.#random() < 0.3,
    )
    this.#network.partition(
      cut.map(({ peer }) => peer),
      1 + Math.floor(this.#random() * 2),
    )
  }

  #heal(): void {
    this.#network.heal()
    for (const [index, node] of this.#nodes.entries()) {
      for (const other of this.#nodes.slice(index + 1)) {
        if (!node.view.has(other.peer) || !other.view.has(node.peer)) node.dial(other)
      }
    }
  }

  #worsen(): void {
    const faults = { loss: 0.2, duplicates: 0.2, delays: 0.2 }
    if (this.#random() < 0.5) this.#network.faults = faults
    else this.#network.calm()
    this.#upstream.failures = this.#random() < 0.5 ? 0.1 : 0
  }

  #calm(): void {
    this.#network.calm()
    this.#upstream.isUp = true
    this.#upstream.failures = 0
    for (const node of this.#nodes) {
      if (!node.alive) node.start()
    }
    this.#heal()
  }

  /** No two nodes of a scope that see the same nodes in it believe in different leads. */
  #checkLeads(): void {
    const sampled = this.#nodes
      .filter(({ alive }) => alive)
      .filter(() => this.#random() < SAMPLED_NODES / this.#nodes.length)
    for (let blob = 0; blob < SAMPLED_BLOBS; blob += 1) {
      const digest = this.#anyBlob()
      const leads = new Map<string, PeerId | undefined>()
      for (const node of sampled) {
        const chain = node.leads(digest)
        for (const scope of LINK_CLASSES) {
          const key = `${scopeOf(node, scope)} ${chain[scope].toSorted().join()}`
          if (!leads.has(key)) leads.set(key, chain[scope][0])
          assert.equal(chain[scope][0], leads.get(key), `${node.peer} believes in another lead for ${digest}`)
          assert.ok(chain[scope].includes(node.peer))
        }
        const [lead] = chain.world
        if (lead === chain.region.find((peer) => peer === lead)) assert.equal(chain.region[0], lead)
      }
    }
  }

  #checkPulls(): void {
    for (const { sinceMs, what } of this.#open.values()) {
      assert.ok(this.#clock.monotonicMs() - sinceMs < LONGEST_PULL_MS, `the pull on ${what} does not end`)
    }
  }

  /** At rest every node knows every other one, all that its region holds, and what the other regions say. */
  #checkViews(): void {
    const current = this.#nodes.filter(({ directory }) => directory !== undefined)
    for (const node of this.#nodes) {
      const missing = this.#nodes.filter(
        (other) =>
          other !== node && !node.view.has(other.peer) && !node.isBanned(other) && !other.isBanned(node),
      )
      assert.deepEqual(
        missing.map(({ peer }) => peer),
        [],
        `${node.peer} does not see all`,
      )
    }
    for (const [region, nodes] of Map.groupBy(current, ({ locality }) => locality.region)) {
      const speakers = nodes.filter(({ directory }) => directory?.isSpeaking === true)
      const hasOthers = current.some(({ locality }) => locality.region !== region)
      if (!this.#hasBans) assert.equal(speakers.length, Number(hasOthers), `speakers of ${region}`)
      for (const [index, node] of nodes.entries()) {
        const own = node.directory?.viewOf({ kind: 'node', peer: node.peer })
        for (const other of nodes) {
          if (other === node || !other.view.has(node.peer)) continue
          assert.deepEqual(
            other.directory?.viewOf({ kind: 'node', peer: node.peer }),
            own,
            `what ${other.peer} knows of ${node.peer}`,
          )
        }
        if (this.#hasBans || index > 0) continue
        const said = speakers[0]?.directory?.viewOf({ kind: 'region', region })
        for (const other of current.filter(({ locality }) => hasOthers && locality.region !== region)) {
          assert.deepEqual(
            other.directory?.viewOf({ kind: 'region', region }),
            said,
            `what ${other.peer} knows of ${region}`,
          )
        }
      }
    }
  }

  get #hasBans(): boolean {
    return this.#nodes.some((node) => this.#nodes.some((other) => node.isBanned(other)))
  }

  /** At rest, and with an upstream, every pull succeeds. */
  async #checkThatPullsSucceed(): Promise<void> {
    const { failed } = this.#pulls
    for (const node of this.#nodes.slice(0, SAMPLED_NODES)) this.#pull(node, this.#anyBlob())
    for (let waitedMs = 0; this.#open.size > 0 && waitedMs < LONGEST_PULL_MS; waitedMs += 1000)
      await this.#pass(1000)
    assert.equal(this.#open.size, 0, 'a pull does not end')
    assert.equal(this.#pulls.failed, failed, 'a pull failed with nothing wrong')
  }

  async #pass(ms: number): Promise<void> {
    this.#events += await this.#clock.run(this.#clock.monotonicMs() + ms, () => setImmediate())
  }

  #anyNode(): SimNode {
    const node = this.#nodes[Math.floor(this.#random() * this.#nodes.length)]
    assert.ok(node !== undefined)
    return node
  }

  #anyBlob(): Digest {
    const digest = this.#blobs[Math.floor(this.#random() * this.#blobs.length)]
    assert.ok(digest !== undefined)
    return digest
  }
}

function scopeOf({ locality }: SimNode, scope: LinkClass): string {
  if (scope === 'world') return 'world'
  return scope === 'region' ? `region ${locality.region}` : `site ${locality.region} ${locality.site}`
}
