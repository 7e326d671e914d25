import assert from 'node:assert/strict'
import { formatAge, formatBytes, formatSeconds } from '../src/units.ts'

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

describe('formatAge', () => {
  const cases: readonly (readonly [ageMs: number, text: string])[] = [
    [-5000, '0 s ago'],
    [45_900, '45 s ago'],
    [61_000, '1 min ago'],
    [3 * 3_600_000 + 60_000, '3 h ago'],
    [400 * 86_400_000, '400 d ago'],
  ]
  for (const [ageMs, text] of cases) {
    it(`writes ${ageMs} as ${text}`, () => assert.equal(formatAge(ageMs), text))
  }
})
