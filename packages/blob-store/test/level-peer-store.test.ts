import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { PeerId, PeerRecord } from '@layermesh/interface'
import { createTempDir, ManualClock, type TempDir } from '@layermesh/testkit'
import { Level } from 'level'
import { KEEP_PEERS_MS, LevelPeerStore, MAX_PEERS } from '../src/level-peer-store.ts'
import { createRecordingLog, type RecordingLog } from './support/recording-log.ts'

describe('LevelPeerStore', () => {
  let dir: TempDir
  let db: Level
  let clock: ManualClock
  let log: RecordingLog
  let peers: LevelPeerStore

  const open = async () => {
    db = new Level(join(dir.path, 'index'))
    peers = await LevelPeerStore.load({ log, db, clock })
  }
  const reopen = async () => {
    await db.close()
    await open()
  }
  beforeEach(async () => {
    dir = await createTempDir()
    clock = new ManualClock()
    log = createRecordingLog()
    await open()
  })
  afterEach(async () => {
    await db.close()
    await dir[Symbol.asyncDispose]()
  })

  const recordOf = (name: string, lastSeenAtMs = clock.now()): PeerRecord => ({
    peer: name as PeerId,
    addresses: ['/ip4/192.0.2.1/tcp/4001'],
    lastSeenAtMs,
  })
  const names = async () => (await peers.list()).map(({ peer }) => peer).toSorted()

  it('remembers peers across a restart, as they were put last', async () => {
    await peers.put(recordOf('alice'))
    const moved = { ...recordOf('bob'), addresses: ['/ip4/192.0.2.2/tcp/1', '/dns4/bob/tcp/2'] }
    await peers.put(recordOf('bob'))
    await peers.put(moved)
    assert.deepEqual(await peers.list(), [recordOf('alice'), moved])
    await reopen()
    assert.deepEqual(await peers.list(), [recordOf('alice'), moved])
  })

  it('removes a peer, and nothing when it is not there', async () => {
    await peers.put(recordOf('alice'))
    await peers.remove('alice' as PeerId)
    await peers.remove('alice' as PeerId)
    assert.deepEqual(await peers.list(), [])
    await reopen()
    assert.deepEqual(await peers.list(), [])
  })

  it('does what it is told in the order in which it is told', async () => {
    const told: Promise<void>[] = []
    for (let turn = 0; turn < 20; turn++) {
      told.push(peers.put(recordOf('alice')), peers.remove('alice' as PeerId))
    }
    told.push(peers.put(recordOf('bob')))
    await Promise.all(told)
    await reopen()
    assert.deepEqual(await names(), ['bob'])
  })

  it(`keeps the ${MAX_PEERS} that were seen last`, async () => {
    const numbers = Array.from({ length: MAX_PEERS + 5 }, (_, number) => number)
    await Promise.all(numbers.map((number) => peers.put(recordOf(`p${number}`, clock.now() - number))))
    const kept = numbers.slice(0, MAX_PEERS).map((number) => `p${number}`)
    assert.deepEqual(await names(), kept.toSorted())
    await reopen()
    assert.deepEqual(await names(), kept.toSorted())
  })

  it('forgets at the start who was not seen for 30 days', async () => {
    await peers.put(recordOf('alice'))
    clock.advance(1)
    await peers.put(recordOf('bob'))
    clock.advance(KEEP_PEERS_MS)
    await reopen()
    assert.deepEqual(await names(), ['bob'])
    assert.deepEqual(await db.sublevel('peers').keys().all(), ['bob'])
  })

  it('takes a peer for seen now that was seen in the future', async () => {
    await peers.put(recordOf('alice', clock.now() + 1_000_000))
    await reopen()
    assert.deepEqual(await peers.list(), [recordOf('alice')])
  })

  it('forgets what can not be read, and warns of it', async () => {
    await peers.put(recordOf('alice'))
    const broken = ['{', '{}', '{"addresses":"a","lastSeenAtMs":1}', '{"addresses":[1],"lastSeenAtMs":1}']
    for (const [index, value] of broken.entries()) await db.sublevel('peers').put(`broken-${index}`, value)
    await reopen()
    assert.deepEqual(await names(), ['alice'])
    assert.deepEqual(
      log.lines,
      broken.map(() => 'warn stored record unreadable'),
    )
    assert.deepEqual(await db.sublevel('peers').keys().all(), ['alice'])
  })
})
