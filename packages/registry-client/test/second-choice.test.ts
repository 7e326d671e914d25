import assert from 'node:assert/strict'
import { FIRST_SECOND_CHOICE_MS, MAX_SECOND_CHOICE_MS, SecondChoice } from '../src/second-choice.ts'

/** For how long it is second choice from 0 on. */
function lastsMs(choice: SecondChoice): number {
  let ms = 0
  while (choice.isNow(ms)) ms += 1000
  return ms
}

describe('SecondChoice', () => {
  it('is none at first', () => {
    assert.equal(new SecondChoice().isNow(0), false)
  })

  it('lasts longer with each interruption, up to a limit', () => {
    const choice = new SecondChoice()
    choice.interrupted(0)
    assert.equal(lastsMs(choice), FIRST_SECOND_CHOICE_MS)
    choice.interrupted(0)
    assert.equal(lastsMs(choice), 2 * FIRST_SECOND_CHOICE_MS)
    for (let again = 0; again < 20; again += 1) choice.interrupted(0)
    assert.equal(lastsMs(choice), MAX_SECOND_CHOICE_MS)
  })

  it('ends when a body comes to its end, and begins short again', () => {
    const choice = new SecondChoice()
    choice.interrupted(0)
    choice.interrupted(0)
    choice.completed()
    assert.equal(choice.isNow(0), false)
    choice.interrupted(0)
    assert.equal(lastsMs(choice), FIRST_SECOND_CHOICE_MS)
  })
})
