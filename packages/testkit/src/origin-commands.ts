import type { Descriptor } from '@layermesh/interface'
import type { ImageSpec } from './build-image.ts'
import type { OriginAccount } from './byte-account.ts'
import type { Fault } from './fault.ts'
import type { OriginOptions } from './origin-registry.ts'

/** Options of an origin in a process of its own, which has a clock of its own, too. */
export type OriginProcessOptions = Omit<OriginOptions, 'clock'>

/** An image that the origin's process has built. */
export interface AddedImage {
  readonly manifest: Descriptor
  /** Sizes of all contents together, in bytes. */
  readonly uniqueBytes: number
  /** Of an image: the manifest, the config and the layers. Of an index: those of its images, and the index. */
  readonly contents: readonly Descriptor[]
}

/** What the origin's process can be told; arguments and results are plain data. */
export interface OriginCommands {
  readonly start: (options: OriginProcessOptions) => Promise<{ readonly port: number }>
  /** Several specs make an index over their images. */
  readonly add: (
    repository: string,
    spec: ImageSpec | readonly ImageSpec[],
    tag: string | undefined,
  ) => Promise<AddedImage>
  readonly account: () => OriginAccount
  readonly resetAccount: () => void
  /** Returns the number by which `release` and `unscript` know the fault. */
  readonly script: (fault: Fault) => number
  readonly release: (fault: number) => void
  readonly unscript: (fault: number) => void
}

/** A command on its way to the origin's process. */
export interface CommandMessage {
  readonly id: number
  readonly name: keyof OriginCommands
  readonly args: readonly unknown[]
}

/** What came of the command with the same id. */
export interface ResultMessage {
  readonly id: number
  readonly result?: unknown
  /** Why the command failed. */
  readonly error?: string
}
