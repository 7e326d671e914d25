import type { BuiltIndex } from '@layermesh/testkit'

/** What a client is put through, in the order of the table's columns. */
export const SCENARIOS = ['tag', 'digest', 'dead', 'stopped', 'cut', 'private'] as const
export type ScenarioName = (typeof SCENARIOS)[number]

/** What came of a pull. */
export type Outcome =
  /** It is complete, and all of it came from the mirror. */
  | 'ok through mirror'
  /** It is complete, after the mirror had failed the client. */
  | 'ok, fell back'
  /** It is complete, and the mirror was not even asked, though it could have been. */
  | 'ok, around the mirror'
  /** The mirror gave a client something that it has no right to. */
  | 'private content given away'
  | 'failed'

/** Requests for manifests and blobs of one image that one server has answered. */
export interface RequestCounts {
  readonly requests: number
  /** Those with a 2xx. */
  readonly succeeded: number
  /** Bytes of manifests and blobs that were sent. */
  readonly bytes: number
}

/** What a client did in a scenario. */
export interface Cell {
  readonly client: string
  readonly scenario: ScenarioName
  readonly outcome: Outcome
  /** Why it failed, in a line of the client's own. */
  readonly error?: string
  readonly durationMs: number
  /** What the client asked the mirror for, by the mirror's own log. */
  readonly mirror: RequestCounts
  /** What the mirror asked the registry for. */
  readonly source: RequestCounts
  /** What the client asked the registry for, around the mirror. */
  readonly registry: RequestCounts
}

/** What an {@link Outcome} is judged by. */
export interface Evidence extends Pick<Cell, 'scenario' | 'mirror' | 'registry'> {
  /** Why the pull failed, if it did. */
  readonly error?: string | undefined
}

/** Judges a pull by who gave what. */
export function outcomeOf({ scenario, mirror, registry, error }: Evidence): Outcome {
  if (scenario === 'private' && mirror.succeeded > 0) return 'private content given away'
  if (error !== undefined) return 'failed'
  if (registry.succeeded === 0) return 'ok through mirror'
  // A mirror that has been stopped has no log to be seen in.
  return mirror.requests > 0 || scenario === 'stopped' ? 'ok, fell back' : 'ok, around the mirror'
}

/**
 * Whether these digests, which a client says that it has, make up an image: everything that belongs to one platform, or nothing
 * but what the image can be called by.
 */
export function isImage(digests: ReadonlySet<string>, { manifest, images }: BuiltIndex): boolean {
  if (digests.size === 0) return false
  const index = manifest.descriptor.digest
  return images.some(({ contents, config, manifest: own }) => {
    const names: string[] = [index, own.descriptor.digest, config.descriptor.digest]
    const everything: string[] = [index, ...contents.keys()]
    return everything.every((digest) => digests.has(digest)) || digests.isSubsetOf(new Set(names))
  })
}
