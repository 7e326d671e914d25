import { statfs } from 'node:fs/promises'
import { createTempDir, NodeCluster, spawnOrigin, type OriginProcess } from '@layermesh/testkit'
import { CommandError } from '../command-error.ts'
import { formatBytes } from '../units.ts'
import type { DemoNode, PublishedImage } from './demo-client.ts'
import type { PlannedNode, PlannedVersion } from './demo-plan.ts'
import { trafficOf, type Traffic } from './demo-traffic.ts'

/** Image host of the demo's registry; it resolves to nothing, so that no node can reach another one by it. */
const UPSTREAM_HOST = 'origin.test'

/** What a demo cluster is made from. */
export interface DemoClusterInit {
  /** The command that runs a node, without options. */
  readonly nodeCommand: readonly string[]
  /** Bytes that all nodes together will have on disk. */
  readonly diskBytes: number
}

/** Bytes that have been counted up to a moment. */
export interface ByteCounts {
  readonly traffic: Traffic
  /** Sent by the registry, by its own count. */
  readonly upstreamBytes: number
}

/** A registry and nodes, each in a process of its own. Disposing of it leaves no process and no file. */
export class DemoCluster implements AsyncDisposable {
  readonly #origin: OriginProcess
  readonly #cluster: NodeCluster
  readonly #resources: AsyncDisposableStack
  /** What the registry had sent when it was stopped. */
  #finalUpstreamBytes: number | undefined

  private constructor(origin: OriginProcess, cluster: NodeCluster, resources: AsyncDisposableStack) {
    this.#origin = origin
    this.#cluster = cluster
    this.#resources = resources
  }

  /** Starts the registry; it holds nothing yet. Throws a {@link CommandError} when the disk is too full for the demo. */
  static async open({ nodeCommand, diskBytes }: DemoClusterInit): Promise<DemoCluster> {
    await using resources = new AsyncDisposableStack()
    const { path } = resources.use(await createTempDir())
    await requireDiskSpace(path, diskBytes)
    const origin = resources.use(await spawnOrigin())
    const upstream = { host: UPSTREAM_HOST, url: origin.url }
    const cluster = new NodeCluster({ command: nodeCommand, dir: path, upstream })
    // Nothing of theirs is needed any more, and nobody who wants to leave should have to wait.
    resources.defer(() => cluster.stop('SIGKILL'))
    return new DemoCluster(origin, cluster, resources.move())
  }

  /** Makes the image over at the registry. */
  async publish(repository: string, { spec, tag }: PlannedVersion): Promise<PublishedImage> {
    return { ...(await this.#origin.add(repository, spec, { tag })), host: UPSTREAM_HOST, repository, tag }
  }

  /** Starts a node and waits until it and those that serve already know each other. */
  async addNode({ name, locality }: PlannedNode, signal: AbortSignal): Promise<DemoNode> {
    try {
      return { name, process: await this.#cluster.addNode(name, { locality, signal }) }
    } catch (cause) {
      signal.throwIfAborted()
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new CommandError(`node ${name} did not start: ${reason}`, { cause })
    }
  }

  async counts(signal: AbortSignal): Promise<ByteCounts> {
    const statuses = await Promise.all(this.#cluster.nodes.map((node) => node.status({ signal })))
    const upstreamBytes = this.#finalUpstreamBytes ?? (await this.#upstreamBytes())
    return { traffic: trafficOf(statuses), upstreamBytes }
  }

  /** Ends the registry for good. */
  async stopOrigin(): Promise<void> {
    this.#finalUpstreamBytes = await this.#upstreamBytes()
    await this.#origin.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync()
  }

  async #upstreamBytes(): Promise<number> {
    const { blobBytes, manifestBytes, otherBytes } = await this.#origin.account()
    return blobBytes + manifestBytes + otherBytes
  }
}

async function requireDiskSpace(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const freeBytes = bavail * bsize
  if (freeBytes >= neededBytes) return
  throw new CommandError(
    `the nodes need ${formatBytes(neededBytes)} under ${folder}, where ${formatBytes(freeBytes)} are free: ` +
      'choose a smaller --size or --nodes, or another folder by the environment variable TMPDIR',
  )
}
