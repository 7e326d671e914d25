import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'

import { RendezvousOrder, type AccountName, type LeadChain } from '@layermesh/directory'
import { LINK_CLASSES, linkClassOf, type Digest, type LinkClass, type PeerId } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { seededRandom } from '@layermesh/testkit'

import { SimNetwork } from './sim-network.ts'
import { SimNode } from './sim-node.ts'
import { rightPiece, SimUpstream } from './sim-upstream.ts'
import { ViewPrint } from './view-print.ts'
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
  readonly crashes: number
  readonly partitions: number
  /**
   * Believed leads, in all steps: nodes that were compared, nodes that were asked for theirs, and how many different views of
   * the cluster, each from one site, there were.
   */
  readonly leads: { readonly compared: number; readonly asked: number; readonly views: number }
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
/** So long after the start each region has its speaker. */
const START_MS = 20_000
/** No pull may take longer, whatever happens. */
const LONGEST_PULL_MS = 180_000
/** How many nodes pull at the end. */
const LAST_PULLS = 24
/** For each so many nodes, one thing more happens in each step. */
const NODES_PER_INCIDENT = 250

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
  readonly #leads = { compared: 0, asked: 0, views: 0 }
  #steps = 0
  #events = 0
  #crashes = 0
  #partitions = 0

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
    await this.#pass(START_MS)
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
      ...{ crashes: this.#crashes, partitions: this.#partitions, leads: { ...this.#leads } },
      virtualSeconds: this.#clock.monotonicMs() / 1000,
      upstreamCopies: this.#upstream.copies,
      wronglyBanned,
      messages: { ...this.#network.counts },
    }
  }

  async #step(): Promise<void> {
    this.#steps += 1
    this.#happen()
    // In a large cluster more happens at a time.
    for (let more = Math.floor(this.#nodes.length / NODES_PER_INCIDENT); more > 0; more -= 1)
      this.#happenSomewhere()
    await this.#pass(STEP_MS * this.#random())
    this.#checkLeads()
    this.#checkPulls()
  }

  /** One thing happens, somewhere or everywhere. */
  #happen(): void {
    const dice = this.#random()
    if (dice < 0.04) this.#partition()
    else if (dice < 0.1) this.#heal()
    else if (dice < 0.16) this.#worsen()
    else if (dice < 0.21) this.#upstream.isUp = this.#random() < 0.7
    else this.#happenSomewhere()
  }

  /** One thing happens to one node, or to a few. */
  #happenSomewhere(): void {
    const dice = this.#random()
    if (dice < 0.44) this.#pullOnSome()
    else if (dice < 0.63) this.#pull(this.#anyNode(), this.#anyBlob())
    else if (dice < 0.76) this.#crash(this.#anyNode())
    else if (dice < 0.94) this.#startOne()
    else this.#anyNode().evict(this.#anyBlob())
  }

  #crash(node: SimNode): void {
    if (!node.alive) return
    this.#crashes += 1
    node.crash(this.#random() < 0.5)
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
    const job = node.join(digest)
    job.whenEnded((end) => {
      this.#open.delete(id)
      this.#pulls[end] += 1
      if (end !== 'done') return
      assert.ok(node.held.has(digest), `${node.peer} has ${digest} not, though its pull is done`)
      for (const [index, piece] of job.pieces.entries()) {
        assert.equal(piece, rightPiece(digest, index), `${node.peer} has a wrong piece of ${digest}`)
      }
    })
  }

  #startOne(): void {
    const node = this.#nodes.find(({ alive }) => !alive)
    node?.start()
  }

  #partition(): void {
    this.#partitions += 1
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
    const alive = this.#nodes.filter((node) => node.alive)
    for (const [index, node] of alive.entries()) {
      const apart = (other: SimNode) => !node.view.has(other.peer) || !other.view.has(node.peer)
      node.dialAll(alive.slice(index + 1).filter(apart))
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

  /**
   * No two nodes of a scope that see the same nodes in it believe in different leads. All live nodes are compared; of those of
   * a site that see the same cluster, two are asked: who leads is a function of these.
   */
  #checkLeads(): void {
    const digest = this.#anyBlob()
    const order = new RendezvousOrder(digest)
    const leads = new Map<string, PeerId | undefined>()
    const asked = new Map<string, number>()
    const alive = this.#nodes.filter((node) => node.alive)
    this.#leads.compared += alive.length
    for (const node of alive) {
      const view = `${scopeOf(node, 'site')} ${node.viewPrint.of('world')}`
      const times = asked.get(view) ?? 0
      if (times === 2) continue
      asked.set(view, times + 1)
      this.#leads.asked += 1
      const chain = node.leads(order)
      this.#checkPrint(node, chain)
      for (const scope of LINK_CLASSES) {
        const key = `${scopeOf(node, scope)} ${node.viewPrint.of(scope)}`
        const [lead] = chain[scope]
        if (!leads.has(key)) leads.set(key, lead)
        assert.equal(lead, leads.get(key), `${node.peer} believes in another lead for ${digest}`)
      }
      const [lead] = chain.world
      assert.ok(lead !== undefined && chain.site.includes(node.peer))
      if (chain.region.includes(lead)) assert.equal(chain.region[0], lead)
    }
    this.#leads.views += asked.size
  }

  /** What a node's membership has told is what its leads are chosen from. */
  #checkPrint(node: SimNode, chain: LeadChain): void {
    const print = new ViewPrint()
    for (const scope of LINK_CLASSES) {
      for (const peer of chain[scope].filter(
        (peer) => linkOf(node, this.#network.nodes.get(peer)) === scope,
      )) {
        const seen = this.#network.nodes.get(peer)
        if (seen !== undefined) print.toggle(seen.print, scope)
      }
      assert.equal(print.of(scope), node.viewPrint.of(scope), `${node.peer} was told of other members`)
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
    const regions = Map.groupBy(current, ({ locality }) => locality.region)
    const hasBans = this.#nodes.some((node) => this.#nodes.some((other) => node.isBanned(other)))
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
    for (const [region, nodes] of regions) {
      for (const node of nodes) {
        const others = nodes.filter((other) => other !== node && other.view.has(node.peer))
        checkSame({ kind: 'node', peer: node.peer }, node, others)
      }
      if (hasBans) continue
      const speakers = nodes.filter(({ directory }) => directory?.isSpeaking === true)
      assert.equal(speakers.length, Number(regions.size > 1), `speakers of ${region}`)
      const [speaker] = speakers
      if (speaker === undefined) continue
      const others = current.filter(({ locality }) => locality.region !== region)
      checkSame({ kind: 'region', region }, speaker, others)
    }
  }

  /** At rest, and with an upstream, every pull succeeds. */
  async #checkThatPullsSucceed(): Promise<void> {
    const { failed } = this.#pulls
    for (const node of this.#nodes.slice(0, LAST_PULLS)) this.#pull(node, this.#anyBlob())
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

/** All `others` know of an account what `node` says of it. */
function checkSame(account: AccountName, node: SimNode, others: readonly SimNode[]): void {
  const said = node.directory?.viewOf(account)
  assert.ok(said !== undefined)
  for (const other of others) {
    const known = other.directory?.viewOf(account)
    const isSame = known?.count === said.count && known.high === said.high && known.low === said.low
    const whose = account.kind === 'node' ? account.peer : account.region
    assert.ok(isSame, `what ${other.peer} knows of ${whose}: ${JSON.stringify({ known, said })}`)
  }
}

function linkOf(node: SimNode, other: SimNode | undefined): LinkClass | undefined {
  return other && linkClassOf(node.locality, other.locality)
}

function scopeOf({ locality }: SimNode, scope: LinkClass): string {
  if (scope === 'world') return 'world'
  return scope === 'region' ? `region ${locality.region}` : `site ${locality.region} ${locality.site}`
}
