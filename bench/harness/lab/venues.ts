import { spawnOrigin, type AddedImage, type ImageSpec, type OriginProcess } from '@layermesh/testkit'

import type { Topology } from '../topology/topology.ts'
import type { Lab } from './lab.ts'
import { openLab, type LabMode } from './open-lab.ts'

const UPSTREAM_PORT = 5000

/** A network with an upstream registry in it. */
export interface Venue {
  readonly lab: Lab
  readonly origin: OriginProcess
  /** Serves an image upstream; builds it only if it isn't served yet. */
  publish(repository: string, tag: string, spec: ImageSpec): Promise<AddedImage>
}

/** Networks, one for each topology, which runs use one after the other. Disposing of them removes everything. */
export class Venues implements AsyncDisposable {
  readonly #mode: LabMode
  readonly #opened = new Map<string, Venue>()
  readonly #cleanup = new AsyncDisposableStack()

  constructor(mode: LabMode) {
    this.#mode = mode
  }

  /** The network of this topology; made at the first call. Rejects with a BenchError. */
  async get(topology: Topology): Promise<Venue> {
    const key = JSON.stringify(topology)
    const venue = this.#opened.get(key) ?? (await this.#open(topology))
    this.#opened.set(key, venue)
    return venue
  }

  async #open(topology: Topology): Promise<Venue> {
    const lab = this.#cleanup.use(await openLab(topology, this.#mode))
    const { address, launcher } = lab.upstream
    const origin = this.#cleanup.use(
      await spawnOrigin({ address, port: lab.portAt(UPSTREAM_PORT) }, launcher),
    )
    const published = new Map<string, Promise<AddedImage>>()
    return {
      lab,
      origin,
      publish(repository, tag, spec) {
        const key = JSON.stringify([repository, tag, spec])
        const image = published.get(key) ?? origin.add(repository, spec, { tag })
        published.set(key, image)
        return image
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup.disposeAsync()
  }
}
