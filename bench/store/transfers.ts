import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { digestHex } from '@layermesh/oci'

import type { BlobFile } from './blob-file.ts'
import { runMeasure } from './run-measure.ts'
import type { Sample } from './sample.ts'
import { runInShell } from './shell-limit.ts'

/** Work that moves blobs, done by the store or by a limit. */
export interface Transfer {
  readonly work: string
  readonly by: string
  readonly bytes: number
  readonly sample: Sample
}

/** Where the blobs are that are moved; all on the disk that is measured. */
export interface TransfersInit {
  readonly folder: string
  /** One large blob, and the folder with the many smaller ones. */
  readonly one: BlobFile
  readonly many: readonly BlobFile[]
  readonly manyFolder: string
  /** Paths of the lists of both, for the measures. */
  readonly lists: { readonly one: string; readonly many: string }
  /** A data folder that holds the large one, indexed. */
  readonly heldOne: string
}

const LAYERMESH = 'layermesh'
const READERS = 8

/** Uses the processor's instructions for SHA-256 where it has them, as Node does; `sha256sum` often doesn't. */
const OPENSSL = { name: 'openssl', command: 'openssl dgst -sha256' }
const HASH_TOOLS = [OPENSSL, { name: 'sha256sum', command: 'sha256sum' }]

/** Every piece of work once, by each who does it. */
export async function* transferOnce(init: TransfersInit): AsyncGenerator<Transfer, void, undefined> {
  const { one, many, manyFolder, lists } = init
  const oneWork = { work: 'write and commit one blob of 1 GiB', files: [one], source: one.path }
  const manyWork = {
    work: `write and commit ${many.length.toLocaleString('en')} blobs of about 1 MiB`,
    files: many,
    source: `${manyFolder}/*`,
  }
  yield* writeByStore(init, oneWork, lists.one, [1])
  yield* copyByTools(init, oneWork)
  yield* writeByStore(init, manyWork, lists.many, [1, 8])
  yield* copyByTools(init, manyWork)
  yield* read(init)
  yield* follow(init)
}

/** Has the readers of a fill hash what they get, without measuring it. */
export async function checkFollowers({ folder, lists }: TransfersInit): Promise<void> {
  await inNewFolder(folder, (dataDir) =>
    runMeasure('follow-fill', {
      dataDir,
      list: lists.one,
      quickReaders: READERS,
      slowReaders: 0,
      check: true,
    }),
  )
}

interface WriteWork {
  readonly work: string
  readonly files: readonly BlobFile[]
  /** The files as a shell finds them. */
  readonly source: string
}

async function* writeByStore(
  { folder }: TransfersInit,
  { work, files }: WriteWork,
  list: string,
  concurrencies: readonly number[],
): AsyncGenerator<Transfer, void, undefined> {
  for (const atOnce of concurrencies) {
    const sample = await inNewFolder(folder, (dataDir) =>
      runMeasure<Sample>('write-blobs', { dataDir, list, atOnce }),
    )
    const by = concurrencies.length === 1 ? LAYERMESH : `${LAYERMESH}, ${atOnce} at once`
    yield { work, by, bytes: bytesOf(files), sample }
  }
}

async function* copyByTools(
  { folder }: TransfersInit,
  { work, files, source }: WriteWork,
): AsyncGenerator<Transfer, void, undefined> {
  for (const { name, command } of HASH_TOOLS) {
    // Each file is synced and not the file system, whose other users have nothing to do with this.
    const script = `mkdir copy && cp ${source} copy && sync copy/* copy && ${command} copy/*`
    const { sample, stdout } = await runInShell(folder, script)
    await rm(join(folder, 'copy'), { recursive: true })
    requireDigests(files, stdout)
    yield { work, by: `cp, sync, ${name}`, bytes: bytesOf(files), sample }
  }
}

async function* read({
  folder,
  heldOne,
  lists,
  one,
}: TransfersInit): AsyncGenerator<Transfer, void, undefined> {
  const bytes = one.sizeBytes
  const { first, again } = await runMeasure<Record<'first' | 'again', Sample>>('read-blob', {
    dataDir: heldOne,
    list: lists.one,
  })
  yield { work: 'read it warm', by: LAYERMESH, bytes, sample: again }
  const cat = `cat ${one.path} > /dev/null`
  yield { work: 'read it warm', by: 'cat', bytes, sample: (await runInShell(folder, cat)).sample }
  yield { work: 'read it for the first time after a start', by: LAYERMESH, bytes, sample: first }
  const { sample, stdout } = await runInShell(folder, `${OPENSSL.command} ${one.path} && ${cat}`)
  requireDigests([one], stdout)
  yield { work: 'read it for the first time after a start', by: `${OPENSSL.name}, cat`, bytes, sample }
}

async function* follow({ folder, lists, one }: TransfersInit): AsyncGenerator<Transfer, void, undefined> {
  const bytes = one.sizeBytes
  const work = `fill it with ${READERS} readers that follow`
  for (const slowReaders of [0, READERS / 2]) {
    const quickReaders = READERS - slowReaders
    const sample = await inNewFolder(folder, (dataDir) =>
      runMeasure<Sample>('follow-fill', {
        dataDir,
        list: lists.one,
        quickReaders,
        slowReaders,
        check: false,
      }),
    )
    const by = slowReaders === 0 ? LAYERMESH : `${LAYERMESH}, ${slowReaders} of them standing still`
    yield { work, by, bytes, sample }
  }
  const cats = `for reader in $(seq ${READERS}); do cat copy > /dev/null & done; wait`
  const script = `cp ${one.path} copy && sync copy && ${OPENSSL.command} copy && ${cats}`
  const { sample, stdout } = await runInShell(folder, script)
  await rm(join(folder, 'copy'))
  requireDigests([one], stdout)
  yield { work, by: `cp, sync, ${OPENSSL.name}, then ${READERS} × cat at once`, bytes, sample }
}

async function inNewFolder<T>(folder: string, work: (dataDir: string) => Promise<T>): Promise<T> {
  const dataDir = join(folder, 'data')
  try {
    return await work(dataDir)
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

function bytesOf(files: readonly BlobFile[]): number {
  return files.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0)
}

function requireDigests(files: readonly BlobFile[], stdout: string): void {
  for (const { digest, path } of files) {
    if (!stdout.includes(digestHex(digest))) throw new Error(`${path} was copied wrongly`)
  }
}
