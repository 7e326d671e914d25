import type { Digest } from '@layermesh/interface'
import { pullImage, type AddedImage, type NodeProcess } from '@layermesh/testkit'
import { CommandError } from '../command-error.ts'
import { pullFailure } from './pull-failure.ts'

/** An image that clients can pull, and what it must turn out to be. */
export interface PublishedImage extends AddedImage {
  /** Image host, sent along as containerd does. */
  readonly host: string
  readonly repository: string
  readonly tag: string
}

/** A node, and its name for people. */
export interface DemoNode {
  readonly name: string
  readonly process: NodeProcess
}

/** The container runtime beside a node: what it has pulled it keeps, and doesn't ask for again. */
export class DemoClient {
  readonly node: DemoNode
  readonly #known = new Set<Digest>()

  constructor(node: DemoNode) {
    this.node = node
  }

  /** How many manifests and blobs it has. */
  get contents(): number {
    return this.#known.size
  }

  /**
   * Pulls an image through the node and returns how many bytes that took, all of them verified. Throws a
   * {@link CommandError} that names the node when the pull fails or yields another image.
   */
  async pull(
    image: PublishedImage,
    options: { readonly signal: AbortSignal; readonly onBytes: (count: number) => void },
  ): Promise<number> {
    const { host, manifest, repository, tag } = image
    const name = `${repository}:${tag}`
    const { process } = this.node
    const pulling = pullImage({
      url: process.mirrorUrl,
      namespace: host,
      repository,
      reference: tag,
      known: this.#known,
      ...options,
    })
    const { bytes, digest, digests } = await pulling.catch(async (cause: unknown) => {
      options.signal.throwIfAborted()
      // Only the log of a node that has ended is known to its last line.
      await process.stop()
      throw pullFailure(this.node.name, name, { cause, log: process.log })
    })
    if (digest !== manifest.digest) {
      throw new CommandError(`node ${this.node.name} has served ${digest} as ${name}: that is another image`)
    }
    for (const each of digests) this.#known.add(each)
    return bytes
  }
}
