import assert from 'node:assert/strict'
import { isLoop, MAX_CACHES, viaOf } from '../src/request-loop.ts'
import { startMirror } from './support/mirror-fixture.ts'

const OWN = 'layermesh-0123'

describe('viaOf', () => {
  const cases: readonly (readonly [header: string | undefined, via: readonly string[]])[] = [
    [undefined, []],
    ['', []],
    ['layermesh-4567', ['layermesh-4567']],
    ['cdn.example; a=b,layermesh-4567 ,', ['cdn.example; a=b', 'layermesh-4567']],
  ]
  for (const [header, via] of cases) {
    it(`reads ${JSON.stringify(header)}`, () => {
      assert.deepEqual(viaOf(header === undefined ? {} : { 'cdn-loop': header }), via)
    })
  }
})

describe('isLoop', () => {
  it('is true for a request that has been here', () => {
    assert.equal(isLoop(['other', OWN], OWN), true)
    assert.equal(isLoop([`${OWN}; x=1`], OWN), true)
    assert.equal(isLoop(['other', `${OWN}4`], OWN), false)
    assert.equal(isLoop([], OWN), false)
  })

  it('is true for a request that has come through too many caches', () => {
    const via = Array.from({ length: MAX_CACHES }, (_, index) => `cache-${index}`)
    assert.equal(isLoop(via, OWN), false)
    assert.equal(isLoop([...via, 'one-more'], OWN), true)
  })
})

describe('a request that has come through caches', () => {
  it('takes that along, for content and for lists', async () => {
    await using fixture = await startMirror({ loopId: OWN })
    const headers = { 'cdn-loop': 'a, b; x=1' }
    await fixture.get('/v2/library/app/manifests/latest', headers)
    assert.deepEqual(fixture.content.calls[0]?.ref.via, ['a', 'b; x=1'])
  })

  for (const path of ['manifests/latest', 'tags/list']) {
    it(`is refused at once when it has been here (${path}), with one line in the log`, async () => {
      await using fixture = await startMirror({ loopId: OWN })
      const reply = await fixture.get(`/v2/library/app/${path}`, { 'cdn-loop': `b, ${OWN}` })
      assert.equal(reply.status, 404)
      assert.deepEqual(fixture.content.calls, [])
      const warnings = fixture.log.lines.filter(({ level }) => level === 'warn')
      assert.deepEqual(
        warnings.map(({ message }) => message),
        ['request loop'],
      )
    })
  }
})
