import type { PublishedImage } from '../workload/published-image.ts'
import type { PullOutcome } from './pull-outcome.ts'

/** What a client is told of a pull. */
export interface ClientPull {
  /** Where it goes first; undefined: straight upstream. */
  readonly mirror: string | undefined
  readonly upstream: string
  readonly image: PublishedImage
  readonly keep: boolean
  /** Whether it goes upstream by itself for what the mirror doesn't give, as real clients do. @default true */
  readonly fallback?: boolean
  readonly signal: AbortSignal
}

/** What pulls images at a node; disposing of it ends it. */
export interface NodeClient extends AsyncDisposable {
  /** `built-in`, or the name of a program. */
  readonly name: string
  /** A pull that fails is a result, too; rejects only with `signal.reason` or when the client itself is broken. */
  pull(pull: ClientPull): Promise<PullOutcome>
}
