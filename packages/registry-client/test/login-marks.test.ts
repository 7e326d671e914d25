import assert from 'node:assert/strict'
import { credentialOf } from '../src/credential.ts'
import { LoginMarks, saltOf } from '../src/login-marks.ts'

const { id } = credentialOf({ username: 'me', password: 'secret' })
const { id: other } = credentialOf({ username: 'me', password: 'another' })

describe('LoginMarks', () => {
  it('are the same for a login, and others for others', async () => {
    const marks = new LoginMarks()
    const mark = await marks.of(id)
    assert.equal(await marks.of(id), mark)
    assert.notEqual(await marks.of(other), mark)
  })

  it('are others after each start, unless an earlier salt is given', async () => {
    const mark = await new LoginMarks().of(id)
    const next = new LoginMarks()
    assert.notEqual(await next.of(id), mark)
    assert.equal(await next.of(id, saltOf(mark)), mark)
    assert.notEqual(await next.of(other, saltOf(mark)), mark)
  })

  it('have nothing in them of the id', async () => {
    const mark = await new LoginMarks().of(id)
    assert.match(mark, /^[\w-]{16}\.[\w-]{16}$/)
    assert.ok(!mark.includes(id.slice(0, 8)))
  })
})
