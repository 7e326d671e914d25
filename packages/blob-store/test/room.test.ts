import assert from 'node:assert/strict'
import { StoreFullError } from '@layermesh/interface'
import { Room } from '../src/room.ts'

/** A store of which `evictableBytes` may go. */
class Disk {
  heldBytes = 0
  freeBytes = 1_000_000
  evictableBytes = 0
  readonly evictions: number[] = []

  readonly room = new Room(
    {
      freeBytes: async () => this.freeBytes,
      heldBytes: () => this.heldBytes,
      makeRoom: async (wantedBytes, { orNothing }) => {
        if (orNothing && wantedBytes > this.evictableBytes) return 0
        const bytes = Math.min(wantedBytes, this.evictableBytes)
        this.evictions.push(bytes)
        this.evictableBytes -= bytes
        this.heldBytes -= bytes
        this.freeBytes += bytes
        return bytes
      },
    },
    { maxBytes: 1000, minFreeBytes: 100 },
  )
}

describe('Room', () => {
  let disk: Disk
  let room: Room
  beforeEach(() => {
    disk = new Disk()
    room = disk.room
  })

  it('keeps what is reserved from others until it is released', async () => {
    const first = await room.reserve(700)
    await assert.rejects(room.reserve(400), StoreFullError)
    first.release()
    first.release()
    assert.equal(room.reservedBytes, 0)
    await room.reserve(400)
    assert.equal(room.usedBytes, 400)
  })

  it('rejects at once what could never fit, and evicts nothing for it', async () => {
    disk.heldBytes = 500
    disk.evictableBytes = 500
    await assert.rejects(room.reserve(1001), StoreFullError)
    assert.deepEqual(disk.evictions, [])
  })

  it('evicts what is missing, before it lets the fill begin', async () => {
    disk.heldBytes = 800
    disk.evictableBytes = 800
    await room.reserve(300)
    assert.equal(disk.evictions[0], 100)
  })

  it('goes on to the low-water mark when nobody is waiting for it', async () => {
    disk.heldBytes = 800
    disk.evictableBytes = 800
    await room.reserve(190)
    await room.tidy()
    assert.deepEqual(disk.evictions, [140])
    assert.equal(room.usedBytes, 850)
  })

  it('never grants more than there is, however many ask at once', async () => {
    disk.heldBytes = 300
    disk.evictableBytes = 200
    const asked = await Promise.allSettled(Array.from({ length: 10 }, () => room.reserve(200)))
    assert.equal(asked.filter(({ status }) => status === 'fulfilled').length, 4)
    assert.equal(room.reservedBytes, 800)
    assert.ok(room.usedBytes <= 1000)
  })

  it('counts bytes once: before they are written against what is free, then by what is free', async () => {
    disk.freeBytes = 500
    const fill = await room.reserve(300)
    await assert.rejects(room.reserve(101), StoreFullError)
    fill.wrote(300)
    disk.freeBytes -= 300
    await assert.rejects(room.reserve(101), StoreFullError)
    await room.reserve(100)
  })

  it('gives way when others fill the disk, down to nothing that it may not touch', async () => {
    disk.heldBytes = 50
    disk.evictableBytes = 50
    disk.freeBytes = 0
    await room.tidy()
    assert.deepEqual(disk.evictions, [50])
  })

  it('relieves a disk that refuses bytes that were reserved', async () => {
    disk.heldBytes = 50
    assert.equal(await room.relieve(10), false)
    disk.evictableBytes = 50
    assert.equal(await room.relieve(10), true)
  })
})
