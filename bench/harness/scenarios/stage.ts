import type { Digest } from '@layermesh/interface'
import type { ImageSpec } from '@layermesh/testkit'

import { BenchError } from '../bench-error.ts'
import type { NodeClient } from '../client/node-client.ts'
import type { PullOutcome } from '../client/pull-outcome.ts'
import type { Place, LinkBytes } from '../lab/lab.ts'
import type { Venue } from '../lab/venues.ts'
import type { RunningContender } from '../contenders/contender.ts'
import { DemandLedger } from '../measures/demand.ts'
import { ProcessMeter } from '../measures/process-meter.ts'
import type { PhaseSample, PullSample, TimelinePoint } from '../measures/samples.ts'
import type { PublishedImage } from '../workload/published-image.ts'
import { whileSampling } from './while-sampling.ts'

/** What a {@link Stage} works with. */
export interface StageDeps {
  readonly venue: Venue
  readonly contender: RunningContender
  /** One for each node, by its name. */
  readonly clients: ReadonlyMap<string, NodeClient>
  readonly signal: AbortSignal
  readonly onStep: (text: string) => void
}

/** How a client pulls. */
export interface StagePullOptions {
  /** Whether it has what it pulled earlier and keeps what it pulls now. @default true */
  readonly keep?: boolean
}

/**
 * What a scenario acts on, with one contender: it publishes, pulls, disturbs; all that happens in a phase is measured. Disposing of it ends what
 * was done to upstream.
 */
export class Stage implements AsyncDisposable {
  readonly phases: PhaseSample[] = []
  readonly timeline: TimelinePoint[] = []
  readonly events: string[] = []
  readonly meter = new ProcessMeter()
  readonly #deps: StageDeps
  readonly #ledger: DemandLedger
  /** What the clients of each node have; they keep the same account. */
  readonly #stores = new Map<string, Set<Digest>>()
  readonly #disturbances = new AsyncDisposableStack()
  #pulls: PullSample[] = []

  constructor(deps: StageDeps) {
    this.#deps = deps
    this.#ledger = new DemandLedger(deps.venue.lab.plan.links)
  }

  get nodes(): readonly Place[] {
    return this.#deps.venue.lab.nodes
  }

  get signal(): AbortSignal {
    return this.#deps.signal
  }

  /** Serves an image upstream. */
  async publish(repository: string, tag: string, spec: ImageSpec): Promise<PublishedImage> {
    this.signal.throwIfAborted()
    const { contents, uniqueBytes } = await this.#deps.venue.publish(repository, tag, spec)
    return { repository, tag, uniqueBytes, contents }
  }

  /** Does what has to be done before; isn't measured, but what nodes are given counts as had. */
  async prepare(title: string, work: () => Promise<unknown>): Promise<void> {
    this.#deps.onStep(title)
    this.signal.throwIfAborted()
    await work()
    this.signal.throwIfAborted()
    this.#ledger.settle()
    this.#pulls = []
  }

  /** Measures what happens until `work` is over. */
  async phase(name: string, work: () => Promise<unknown>): Promise<void> {
    const { venue, contender, onStep } = this.#deps
    const { lab, origin } = venue
    onStep(name)
    this.signal.throwIfAborted()
    const linksBefore = await lab.linkBytes()
    const upstreamBefore = await this.upstreamBytes()
    await this.meter.read(contender.processes)
    const cpuBefore = this.meter.cpuSeconds
    const startedAtMs = Date.now()
    const addToTimeline = async () => {
      this.timeline.push({ atMs: Date.now(), upstreamBytes: await this.upstreamBytes() })
    }
    await whileSampling(addToTimeline, work)
    const durationMs = Date.now() - startedAtMs
    this.signal.throwIfAborted()
    const links = linksBetween(linksBefore, await lab.linkBytes())
    const gone = await this.meter.read(contender.processes)
    if (gone.length > 0)
      throw new BenchError(`in "${name}" the contender's ${gone.join(', ')} died by itself`)
    const account = await origin.account()
    this.phases.push({
      name,
      startedAtMs,
      durationMs,
      pulls: this.#pulls,
      upstreamBytes: account.blobBytes + account.manifestBytes - upstreamBefore,
      links,
      demand: this.#ledger.settle(),
      cpuSeconds: this.meter.cpuSeconds - cpuBefore,
    })
    this.#pulls = []
  }

  /** Bodies that upstream has sent since its start, manifests included. */
  async upstreamBytes(): Promise<number> {
    const { blobBytes, manifestBytes } = await this.#deps.venue.origin.account()
    return blobBytes + manifestBytes
  }

  /** Pulls an image with the clients of `node`. A pull that fails is a result, too. */
  async pull(
    node: Place,
    image: PublishedImage,
    { keep = true }: StagePullOptions = {},
  ): Promise<PullOutcome> {
    const { clients, contender, venue, signal } = this.#deps
    signal.throwIfAborted()
    const store = this.#stores.get(node.name) ?? new Set()
    this.#stores.set(node.name, store)
    const [manifest, ...blobs] = image.contents
    const missing = keep ? blobs.filter(({ digest }) => !store.has(digest)) : blobs
    this.#ledger.ask(node.name, manifest === undefined ? missing : [manifest, ...missing])
    const client = clients.get(node.name)
    if (client === undefined) throw new RangeError(`no client at ${node.name}`)
    const outcome = await client.pull({
      mirror: contender.mirrorOf(node),
      upstream: venue.origin.url,
      image,
      keep,
      signal,
    })
    if (keep && outcome.error === undefined) for (const { digest } of image.contents) store.add(digest)
    const { repository, tag } = image
    this.#pulls.push({ node: node.name, client: client.name, image: `${repository}:${tag}`, ...outcome })
    return outcome
  }

  /** All `nodes` pull an image at once. */
  async pullAll(
    nodes: readonly Place[],
    image: PublishedImage,
    options: StagePullOptions = {},
  ): Promise<void> {
    await Promise.all(nodes.map((node) => this.pull(node, image, options)))
  }

  async restartContender(): Promise<void> {
    await this.meter.read(this.#deps.contender.processes)
    await this.#deps.contender.restart()
    this.events.push('the contender was restarted')
  }

  /** Puts a new machine in the place of a node: nothing is on its disk. */
  async replaceNode(node: Place): Promise<void> {
    await this.meter.read(this.#deps.contender.processes)
    await this.#deps.contender.replaceNode(node)
    this.#ledger.forget(node.name)
    this.events.push(`${node.name} was replaced`)
  }

  async killMostNeeded(): Promise<void> {
    await this.meter.read(this.#deps.contender.processes)
    const killed = await this.#deps.contender.killMostNeeded()
    this.events.push(killed === undefined ? 'there was nothing to kill' : `${killed} was killed`)
  }

  /** Upstream closes every connection from now on, before it says a word. */
  async stopUpstream(): Promise<void> {
    this.#disturbances.use(await this.#deps.venue.origin.script({ match: {}, action: { type: 'cut' } }))
    this.events.push('upstream went away')
  }

  /** Gives a node's link another rate. Only where the lab shapes. */
  async setNodeRate(node: Place, rateBytesPerSecond: number): Promise<void> {
    const { lab } = this.#deps.venue
    const link = lab.plan.links.find(({ kind, lower }) => kind === 'node' && lower === node.name)
    if (link === undefined) throw new RangeError(`no link to ${node.name}`)
    await lab.setRate(link, rateBytesPerSecond)
    this.events.push(`the link of ${node.name} got slow: ${(rateBytesPerSecond * 8) / 1e6} Mbit/s`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disturbances.disposeAsync()
  }
}

function linksBetween(before: readonly LinkBytes[], after: readonly LinkBytes[]): LinkBytes[] {
  return after.map(({ link, contentBytes, returnBytes }, index) => ({
    link,
    contentBytes: contentBytes - (before[index]?.contentBytes ?? 0),
    returnBytes: returnBytes - (before[index]?.returnBytes ?? 0),
  }))
}
