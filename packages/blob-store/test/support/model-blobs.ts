import assert from 'node:assert/strict'
import type { Digest } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { seededBytes } from '@layermesh/testkit'

const KiB = 1024
const MiB = 1024 * KiB

const layers = [0, 3000, 700 * KiB, MiB + 5, (3 * MiB) / 2, 2 * MiB + 17, 3 * MiB - 1].map((sizeBytes) =>
  seededBytes(`layer of ${sizeBytes}`, sizeBytes),
)
const manifests = [
  [0, 1, 2],
  [2, 3],
].map((picks) => manifestOf(picks.map((pick) => layers[pick]!)))
const blobs = [...layers, ...manifests].map((bytes) => ({ digest: digestOf(bytes), bytes }))
/** Every blob that may be put, and its bytes. */
export const contents = new Map(blobs.map(({ digest, bytes }) => [digest, bytes]))
const manifestDigests = manifests.map((bytes) => digestOf(bytes))
/** What a pin of a manifest protects when the manifest is held. */
export const needs = new Map(
  manifests.map((bytes) => {
    const { layers: needed } = JSON.parse(bytes.toString()) as { layers: { digest: Digest }[] }
    return [digestOf(bytes), needed.map(({ digest }) => digest)]
  }),
)

/** One of the blobs, whatever the number is. */
export function blobAt(pick: number): Digest {
  return blobs[pick % blobs.length]!.digest
}

/** One of those that are manifests. */
export function manifestAt(pick: number): Digest {
  return manifestDigests[pick % manifestDigests.length]!
}

/** The bytes of one of the blobs. */
export function bytesOf(digest: Digest): Uint8Array {
  return contents.get(digest) ?? assert.fail(`${digest} is no blob of the model`)
}

function manifestOf(parts: readonly Uint8Array[]): Buffer {
  const [config, ...others] = parts.map((bytes) => ({
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: digestOf(bytes),
    size: bytes.length,
  }))
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: others }))
}
