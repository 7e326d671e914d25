import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Digest, DigestAlgorithm } from '@layermesh/interface'
import { digestAlgorithm, digestHex } from '@layermesh/oci'
import { fillFilesOf, type FillFiles } from './fill-files.ts'

/** Version of the layout below; the name of its folder in the data folder is `v` and this number. */
export const LAYOUT_VERSION = 1

const ALGORITHMS: readonly DigestAlgorithm[] = ['sha256', 'sha512']

/** Where things are in the data folder. Versions have a folder each, so that none misreads what another has written. */
export class DataLayout {
  readonly dataDir: string
  /** All that we keep. */
  readonly root: string
  /** Finished blobs, verified: `<algorithm>/<first two digits>/<hex>`. They are the truth. */
  readonly blobs: string
  /** Files of fills, under way or paused. */
  readonly fills: string
  /** What a person wants kept; a file of its own, so that it isn't lost with the index. */
  readonly pins: string
  /** Files of blobs that turned out to be damaged. */
  readonly quarantine: string
  /** LevelDB: facts about blobs, which can be made again from the files, and what is no great loss: tags, links, peers, answers. */
  readonly index: string
  /** Where an index that can't be read is put while a new one is made. */
  readonly brokenIndex: string

  constructor(dataDir: string) {
    this.dataDir = dataDir
    this.root = join(dataDir, `v${LAYOUT_VERSION}`)
    this.blobs = join(this.root, 'blobs')
    this.fills = join(this.root, 'fills')
    this.pins = join(this.root, 'pins.json')
    this.quarantine = join(this.root, 'quarantine')
    this.index = join(this.root, 'index')
    this.brokenIndex = join(this.root, 'index.broken')
  }

  /** The folders of the digest algorithms. */
  get algorithmFolders(): readonly { readonly algorithm: DigestAlgorithm; readonly path: string }[] {
    return ALGORITHMS.map((algorithm) => ({ algorithm, path: join(this.blobs, algorithm) }))
  }

  /** The file of a finished blob. */
  blobPath(digest: Digest): string {
    const hex = digestHex(digest)
    return join(this.blobs, digestAlgorithm(digest), hex.slice(0, 2), hex)
  }

  /** New file names for a fill; the digest in them is for people, the journal has it too. */
  newFillFiles(digest: Digest): FillFiles {
    return fillFilesOf(join(this.fills, `${digestAlgorithm(digest)}-${digestHex(digest)}-${randomUUID()}`))
  }
}

/** Layout version that a folder of the data folder is named after, or undefined when it is something else. */
export function layoutVersionOf(name: string): number | undefined {
  const match = /^v([1-9]\d*)$/.exec(name)
  return match === null ? undefined : Number(match[1])
}
