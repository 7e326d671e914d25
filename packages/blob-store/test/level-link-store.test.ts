import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { ContentRef } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { Level } from 'level'
import { LevelLinkStore, MAX_LINKS } from '../src/level-link-store.ts'
import { createRecordingLog, type RecordingLog } from './support/recording-log.ts'

const digests = ['a', 'b', 'c'].map((text) => digestOf(Buffer.from(text))).toSorted()
const [digest, other] = digests as [ContentRef['digest'], ContentRef['digest']]

const linkTo = (repository: string, changes: Partial<ContentRef> = {}): ContentRef => ({
  kind: 'blob',
  digest,
  upstream: 'docker.io',
  repository,
  ...changes,
})

describe('LevelLinkStore', () => {
  let dir: TempDir
  let db: Level
  let log: RecordingLog
  let links: LevelLinkStore
  let writes: number

  const open = () => {
    db = new Level(join(dir.path, 'index'))
    db.on('write', () => writes++)
    links = new LevelLinkStore({ log, db })
  }
  beforeEach(async () => {
    dir = await createTempDir()
    log = createRecordingLog()
    writes = 0
    open()
  })
  afterEach(async () => {
    await db.close()
    await dir[Symbol.asyncDispose]()
  })

  const repositoriesOf = async () => (await links.of(digest)).map(({ repository }) => repository)

  it('has no links of a digest that was never linked', async () => {
    assert.deepEqual(await links.of(digest), [])
  })

  it('keeps the links of each digest across a restart, newest last', async () => {
    const added = [
      linkTo('b'),
      linkTo('a'),
      linkTo('a', { kind: 'manifest' }),
      linkTo('a', { upstream: 'ghcr.io' }),
    ]
    for (const link of added) await links.put(link)
    await links.put(linkTo('c', { digest: other }))
    await db.close()
    open()
    assert.deepEqual(await links.of(digest), added)
    assert.deepEqual(await links.of(other), [linkTo('c', { digest: other })])
  })

  it('writes nothing for a link that is there', async () => {
    await links.put(linkTo('a'))
    await links.put(linkTo('b'))
    assert.equal(writes, 2)
    await links.put(linkTo('a'))
    await Promise.all([links.put(linkTo('b')), links.put(linkTo('b'))])
    assert.equal(writes, 2)
    assert.deepEqual(await repositoriesOf(), ['a', 'b'])
  })

  it('loses no link of those that are put at once, and has none twice', async () => {
    const names = ['a', 'b', 'c', 'd', 'a', 'b', 'c', 'd']
    await Promise.all(names.map((name) => links.put(linkTo(name))))
    assert.deepEqual((await repositoriesOf()).toSorted(), ['a', 'b', 'c', 'd'])
    assert.equal(writes, 4)
  })

  it('keeps one link for a repository: the one that more people may use', async () => {
    await links.put(linkTo('a', { access: 'login' }))
    assert.deepEqual(await links.of(digest), [linkTo('a', { access: 'login' })])
    await links.put(linkTo('a'))
    assert.deepEqual(await links.of(digest), [linkTo('a')])
    await links.put(linkTo('a', { access: 'login' }))
    assert.deepEqual(await links.of(digest), [linkTo('a')])
  })

  it('takes an access that it does not know for the narrowest', async () => {
    const stored = { kind: 'blob', upstream: 'docker.io', repository: 'a', access: 'friends' }
    await db.sublevel('links').put(digest, JSON.stringify({ links: [stored] }))
    assert.deepEqual(await links.of(digest), [linkTo('a', { access: 'login' })])
  })

  it(`keeps the newest ${MAX_LINKS} of a digest`, async () => {
    for (let number = 0; number < MAX_LINKS + 3; number++) await links.put(linkTo(`r${number}`))
    assert.deepEqual(
      await repositoriesOf(),
      Array.from({ length: MAX_LINKS }, (_, index) => `r${index + 3}`),
    )
  })

  it('removes one link, nothing when it is not there, and with the last one the record', async () => {
    await links.put(linkTo('a'))
    await links.put(linkTo('b'))
    await links.remove(linkTo('a'))
    assert.deepEqual(await repositoriesOf(), ['b'])
    await links.remove(linkTo('a'))
    await links.remove(linkTo('b', { kind: 'manifest' }))
    assert.equal(writes, 3)
    await links.remove(linkTo('b'))
    assert.deepEqual(await db.keys().all(), [])
  })

  it('lists every link, by digest', async () => {
    await links.put(linkTo('c', { digest: other }))
    await links.put(linkTo('b'))
    await links.put(linkTo('a'))
    assert.deepEqual(await Array.fromAsync(links.list()), [
      linkTo('b'),
      linkTo('a'),
      linkTo('c', { digest: other }),
    ])
  })

  describe('removeUnheld', () => {
    it('drops the links of what is not held, whatever that is, and says of how many', async () => {
      for (const each of digests) await links.put(linkTo('a', { digest: each }))
      await db.sublevel('links').put('nonsense', '{}')
      assert.equal(await links.removeUnheld((each) => each === other), 3)
      assert.deepEqual(await db.sublevel('links').keys().all(), [other])
    })

    it('keeps those of what has come meanwhile', async () => {
      await links.put(linkTo('a'))
      const answers = [false, true]
      assert.equal(await links.removeUnheld(() => answers.shift()!), 0)
      assert.deepEqual(await repositoriesOf(), ['a'])
    })
  })

  describe('with a record that can not be read', () => {
    for (const [key, value] of [
      [digest, '{'],
      [digest, '{}'],
      [digest, '{"links":{}}'],
      ['sha256:short', '{"links":[]}'],
    ] as const) {
      it(`goes on without it when it is ${key.slice(0, 12)} ${value}`, async () => {
        await db.sublevel('links').put(key, value)
        await links.put(linkTo('a', { digest: other }))
        assert.deepEqual(await Array.fromAsync(links.list()), [linkTo('a', { digest: other })])
        assert.deepEqual(await links.of(digest), [])
        assert.deepEqual(log.lines, ['warn stored record unreadable'])
      })
    }

    it('replaces it', async () => {
      await db.sublevel('links').put(digest, '{')
      await links.put(linkTo('a'))
      assert.deepEqual(await repositoriesOf(), ['a'])
    })

    it('leaves out links that make no sense, and ignores fields that it does not know', async () => {
      const good = { kind: 'manifest', upstream: 'docker.io', repository: 'a' }
      const stored = [
        null,
        'a',
        { ...good, kind: 'tag' },
        { ...good, repository: '' },
        { kind: 'blob', upstream: 'docker.io' },
        { ...good, later: 1 },
      ]
      await db.sublevel('links').put(digest, JSON.stringify({ links: stored, later: 1 }))
      assert.deepEqual(await links.of(digest), [linkTo('a', { kind: 'manifest' })])
    })
  })
})
