import { randomBytes } from 'node:crypto'
import { link, mkdir, open, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DataDirError } from '@layermesh/interface'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'

/** Mode bits by which others than the owner could read or change a file. */
const OTHERS_MODE = 0o077

/** Where a node's key is kept, in the data folder. */
export function identityPath(dataDir: string): string {
  return join(dataDir, 'v1', 'identity.key')
}

/**
 * Loads the key that is this node's identity, and makes one (Ed25519) on the first start. The file holds libp2p's
 * protobuf of the private key and is readable by its owner alone.
 *
 * Throws ERR_DATA_DIR when it can't be read or made, when others can read it, and when it holds no key: an identity
 * is never replaced silently, because peers know the node by it.
 */
export async function loadIdentity(dataDir: string): Promise<PrivateKey> {
  const path = identityPath(dataDir)
  try {
    return (await readKey(path)) ?? (await createKey(path))
  } catch (error) {
    if (error instanceof DataDirError) throw error
    throw new DataDirError(`${path} can't be read or created`, { cause: error })
  }
}

async function readKey(path: string): Promise<PrivateKey | undefined> {
  await using file = await open(path, 'r').catch(undefinedIfMissing)
  if (file === undefined) return undefined
  const { mode } = await file.stat()
  if ((mode & OTHERS_MODE) !== 0) {
    throw new DataDirError(`${path} can be read by others: allow its owner alone (chmod 600)`)
  }
  try {
    return privateKeyFromProtobuf(await file.readFile())
  } catch (cause) {
    throw new DataDirError(`${path} holds no key: restore it, or remove it to get a new identity`, { cause })
  }
}

async function createKey(path: string): Promise<PrivateKey> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true })
  const key = await generateKeyPair('Ed25519')
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await writeDurably(temporary, privateKeyToProtobuf(key))
    // A link, unlike a rename, fails when another process has made an identity meanwhile.
    const created = await link(temporary, path).then(() => true, falseIfExists)
    await syncFolder(folder)
    return created ? key : ((await readKey(path)) ?? key)
  } finally {
    await rm(temporary, { force: true })
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  await file.writeFile(bytes)
  await file.sync()
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}

function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function falseIfExists(error: NodeJS.ErrnoException): false {
  if (error.code !== 'EEXIST') throw error
  return false
}
