import assert from 'node:assert/strict'
import { outcomeOfStatus } from '../src/request-outcome.ts'

describe('outcomeOfStatus', () => {
  for (const [status, outcome] of [
    [200, 'ok'],
    [206, 'ok'],
    [307, 'redirected'],
    [400, 'protocol'],
    [401, 'unauthorized'],
    [403, 'denied'],
    [404, 'not_found'],
    [408, 'unreachable'],
    [416, 'protocol'],
    [429, 'rate_limited'],
    [503, 'unreachable'],
  ] as const) {
    it(`counts ${status} as ${outcome}`, () => assert.equal(outcomeOfStatus(status), outcome))
  }
})
