import assert from 'node:assert/strict'
import { mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest, Pin } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createTempDir, seededBytes, seededRandom } from '@layermesh/testkit'
import { systemDisk, type Disk } from '../src/disk.ts'
import { assertInvariants } from './support/assert-invariants.ts'
import { fillMissing, putBlob, readBlob } from './support/blob-actions.ts'
import { ForgetfulDisk } from './support/forgetful-disk.ts'
import { openTempStorage } from './support/temp-storage.ts'

const MiB = 1024 * 1024
const SEEDS = Array.from({ length: 30 }, (_, seed) => seed)

describe('a data folder after a power cut', () => {
  for (const seed of SEEDS) {
    it(`has what was committed and pinned, whatever else is lost (${seed})`, () => cutPowerOf(seed))
  }
})

describe('ForgetfulDisk', () => {
  /** What is in `folder` after `work` and a power cut, for each of many seeds. */
  async function outcomesOf(work: (disk: Disk, folder: string) => Promise<void>): Promise<Set<string>> {
    const outcomes = new Set<string>()
    for (const seed of SEEDS) {
      await using dir = await createTempDir()
      const folder = join(dir.path, 'folder')
      await mkdir(folder)
      const forgetful = new ForgetfulDisk(dir.path, seededRandom(seed))
      await work(forgetful.disk, folder)
      await forgetful.cutPower([])
      const names = await readdir(folder)
      const files = names
        .toSorted()
        .map(async (name) => `${name}=${await readFile(join(folder, name), 'utf8')}`)
      outcomes.add((await Promise.all(files)).join())
    }
    return outcomes
  }

  async function write(disk: Disk, path: string, text: string, isSynced: boolean): Promise<void> {
    await using file = await disk.open(path, 'wx+')
    await file.writeFile(text)
    if (isSynced) await file.datasync()
  }

  it('never loses bytes and names that were synced', async () => {
    const outcomes = await outcomesOf(async (disk, folder) => {
      await write(disk, join(folder, 'a'), 'text', true)
      await disk.rename(join(folder, 'a'), join(folder, 'b'))
      await disk.syncFolder(folder)
    })
    assert.deepEqual(outcomes, new Set(['b=text']))
  })

  it('may lose bytes that were not synced, or all but their number', async () => {
    const outcomes = await outcomesOf(async (disk, folder) => {
      await write(disk, join(folder, 'a'), 'text', false)
      await disk.syncFolder(folder)
    })
    assert.deepEqual(outcomes, new Set(['a=', 'a=text', 'a=\0\0\0\0']))
  })

  it('may lose a name, or have the old one still, or both, when their folder was not synced', async () => {
    const outcomes = await outcomesOf(async (disk, folder) => {
      await write(disk, join(folder, 'a'), 'text', true)
      await disk.syncFolder(folder)
      await disk.rename(join(folder, 'a'), join(folder, 'b'))
    })
    assert.ok(outcomes.has('a=text') && outcomes.has('b=text'), [...outcomes].join(' or '))
  })

  it('may have a file still that was removed, until its folder is synced', async () => {
    const remove = async (disk: Disk, folder: string) => {
      await write(disk, join(folder, 'a'), 'text', true)
      await disk.syncFolder(folder)
      await disk.remove(join(folder, 'a'))
    }
    assert.deepEqual(await outcomesOf(remove), new Set(['a=text', '']))
    const outcomes = await outcomesOf(async (disk, folder) => {
      await remove(disk, folder)
      await disk.syncFolder(folder)
    })
    assert.deepEqual(outcomes, new Set(['']))
  })

  it('refuses everything once the power is off', async () => {
    await using dir = await createTempDir()
    const forgetful = new ForgetfulDisk(dir.path, () => 0)
    const path = join(dir.path, 'a')
    await write(forgetful.disk, path, 'text', true)
    await using file = await forgetful.disk.open(path, 'r')
    forgetful.stop()
    await assert.rejects(file.read(), { code: 'EIO' })
    await assert.rejects(forgetful.disk.stat(path), { code: 'EIO' })
    await assert.rejects(forgetful.disk.remove(path), { code: 'EIO' })
  })
})

/** Commits, removes, pauses and pins as chance has it, cuts the power, and looks at what is there. */
async function cutPowerOf(seed: number): Promise<void> {
  const random = seededRandom(seed)
  let disk: Disk = systemDisk
  // Asked again at each access: the real disk is there when the power is back.
  const current = new Proxy(systemDisk, { get: (_, name) => Reflect.get(disk, name) as unknown })
  await using temp = await openTempStorage({ disk: current })
  const forgetful = new ForgetfulDisk(temp.layout.root, random)
  disk = forgetful.disk
  const { blobs, pins } = temp.current
  const contents = new Map<Digest, Uint8Array>()
  const held = new Set<Digest>()
  const pinned: Pin[] = []
  const paused: Uint8Array[] = []
  for (let step = 0; step < 12; step++) {
    const chance = random()
    // What is to be paused needs a complete piece.
    const sizeBytes = Math.floor(random() * 64 * 1024) + (chance < 0.75 ? 1 : MiB + 1)
    const bytes = seededBytes(`${seed}/${step}`, sizeBytes)
    const [oldest] = held
    if (chance < 0.55) {
      const digest = digestOf(bytes)
      contents.set(digest, bytes)
      held.add(await putBlob(blobs, bytes))
    } else if (chance < 0.75 && oldest !== undefined) {
      held.delete(oldest)
      await blobs.remove(oldest, 'purged')
    } else if (chance < 0.9) {
      const fill = await blobs.startFill(digestOf(bytes), bytes.length)
      await fill.write(0, bytes.subarray(0, MiB))
      await fill.pause(new Error('paused'))
      paused.push(bytes)
    } else {
      const pin = { upstream: 'docker.io', repository: 'library/nginx', tag: `v${step}`, pinnedAtMs: step }
      await pins.put(pin)
      pinned.push(pin)
    }
  }
  forgetful.stop()
  const storage = await temp.reopen(async () => {
    await forgetful.cutPower(['index'])
    disk = systemDisk
  })
  await assertInvariants(storage, temp.layout, { contents, held })
  assert.deepEqual(new Set(storage.pins.list()), new Set(pinned))
  for (const bytes of paused) {
    const fill = await storage.blobs.startFill(digestOf(bytes), bytes.length)
    await fillMissing(fill, bytes)
    await fill.commit()
    assert.ok(Buffer.from(bytes).equals(await readBlob(storage.blobs, fill.digest)))
  }
}
