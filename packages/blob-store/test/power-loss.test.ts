import assert from 'node:assert/strict'
import type { Digest, Pin } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { seededBytes, seededRandom } from '@layermesh/testkit'
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
