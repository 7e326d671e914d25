import assert from 'node:assert/strict'
import { formatBytes, formatSeconds } from '../src/units.ts'

describe('formatBytes', () => {
  const cases: readonly (readonly [bytes: number, text: string])[] = [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1.5 * 2 ** 30, '1.5 GiB'],
    [2 ** 60, '1024.0 PiB'],
  ]
  for (const [bytes, text] of cases) {
    it(`writes ${bytes} as ${text}`, () => assert.equal(formatBytes(bytes), text))
  }
})

describe('formatSeconds', () => {
  const cases: readonly (readonly [seconds: number, text: string])[] = [
    [0, '0 s'],
    [59.9, '59 s'],
    [61, '1 min 1 s'],
    [7500, '2 h 5 min'],
    [3 * 86_400 + 3600, '3 d 1 h'],
  ]
  for (const [seconds, text] of cases) {
    it(`writes ${seconds} as ${text}`, () => assert.equal(formatSeconds(seconds), text))
  }
})
