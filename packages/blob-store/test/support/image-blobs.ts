import type { Digest } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { seededBytes } from '@layermesh/testkit'

const KiB = 1024
const MiB = 1024 * KiB

/** A blob that a model test puts, reads and breaks. */
export interface ModelBlob {
  readonly bytes: Buffer
  readonly digest: Digest
  /** What it needs, if it is a manifest. */
  readonly needs: readonly Digest[]
}

const [empty, config, otherConfig, layer, large, ...others] = [
  ...[0, 300, 5 * KiB, 60 * KiB, 400 * KiB, 1.2 * MiB, 2.5 * MiB, 2.1 * MiB],
].map((sizeBytes) => blobOf(seededBytes(`model ${sizeBytes}`, Math.floor(sizeBytes)))) as [
  ...[ModelBlob, ModelBlob, ModelBlob, ModelBlob, ModelBlob],
  ...ModelBlob[],
]

/** Some blobs of one piece and of several, the empty one, and two manifests that need some of the others. */
export const MODEL_BLOBS: readonly ModelBlob[] = [
  ...[empty, config, otherConfig, layer, large, ...others],
  manifestOf(config, [layer, others[0]!]),
  manifestOf(otherConfig, [large, layer]),
]

/** All bytes of them by digest. */
export const MODEL_CONTENTS: ReadonlyMap<Digest, Buffer> = new Map(
  MODEL_BLOBS.map(({ digest, bytes }) => [digest, bytes]),
)

function blobOf(bytes: Buffer, needs: readonly Digest[] = []): ModelBlob {
  return { bytes, digest: digestOf(bytes), needs }
}

function manifestOf(configBlob: ModelBlob, layers: readonly ModelBlob[]): ModelBlob {
  const descriptorOf = (kind: string, { digest, bytes }: ModelBlob) => ({
    mediaType: `application/vnd.oci.image.${kind}`,
    ...{ digest, size: bytes.length },
  })
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptorOf('config.v1+json', configBlob),
    layers: layers.map((each) => descriptorOf('layer.v1.tar+gzip', each)),
  }
  return blobOf(
    Buffer.from(JSON.stringify(manifest)),
    [configBlob, ...layers].map(({ digest }) => digest),
  )
}
