import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

import { digestOf, OCI_MANIFEST } from '@layermesh/oci'

import { storedPath, type BlobFile } from './blob-file.ts'

/** Size of each blob that isn't a manifest. */
const BLOB_BYTES = 1024

/** What a manifest needs: a config and eight layers, as a usual image does. */
const REFERENCES = 9

/**
 * Makes a data folder that holds `count` small blobs and has no index, as quickly as files can be written. With
 * `manifests`, every tenth blob is the manifest of an image of the nine before it.
 */
export function writeManyBlobs(
  dataDir: string,
  count: number,
  { manifests }: { readonly manifests: boolean },
): readonly BlobFile[] {
  const files: BlobFile[] = []
  while (files.length < count) {
    const isManifest = manifests && files.length % (REFERENCES + 1) === REFERENCES
    const bytes = isManifest
      ? manifestOf(files.slice(-REFERENCES))
      : Buffer.alloc(BLOB_BYTES, `blob ${files.length} of many `)
    const digest = digestOf(bytes)
    const path = storedPath(dataDir, digest)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytes)
    files.push({ path, digest, sizeBytes: bytes.length })
  }
  return files
}

function manifestOf(files: readonly BlobFile[]): Buffer {
  const [config, ...layers] = files.map(({ digest, sizeBytes }) => ({
    mediaType: 'application/octet-stream',
    digest,
    size: sizeBytes,
  }))
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }))
}
