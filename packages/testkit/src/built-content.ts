import type { Descriptor, Digest, DigestAlgorithm } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'

/** Bytes, and the descriptor that names them. */
export interface BuiltContent {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

/** What a registry stores for one tag: a manifest or index, and everything below it. */
export interface BuiltArtifact {
  readonly manifest: BuiltContent
  /** All content by digest, `manifest` included. */
  readonly contents: ReadonlyMap<Digest, BuiltContent>
}

/** Describes `bytes` as they are, whatever they hold. */
export function builtContent(
  bytes: Uint8Array,
  mediaType: string,
  algorithm: DigestAlgorithm = 'sha256',
): BuiltContent {
  return { descriptor: { digest: digestOf(bytes, algorithm), mediaType, sizeBytes: bytes.length }, bytes }
}

/** Describes a value as its JSON. */
export function builtJson(value: unknown, mediaType: string, algorithm?: DigestAlgorithm): BuiltContent {
  return builtContent(Buffer.from(JSON.stringify(value)), mediaType, algorithm)
}

/** Sums the sizes of an artifact's contents, each once: what a pull of all of it has to move, in bytes. */
export function uniqueBytesOf(artifact: BuiltArtifact): number {
  return artifact.contents.values().reduce((sum, { descriptor }) => sum + descriptor.sizeBytes, 0)
}

/** What a registry stores for a manifest and the contents that it names; these come from elsewhere. */
export function artifactOf(manifest: BuiltContent, contents: readonly BuiltContent[] = []): BuiltArtifact {
  const all = [...contents, manifest]
  return { manifest, contents: new Map(all.map((each) => [each.descriptor.digest, each])) }
}
