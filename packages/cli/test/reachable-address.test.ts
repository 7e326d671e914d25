import assert from 'node:assert/strict'
import { reachableAddress } from '../src/reachable-address.ts'

describe('reachableAddress', () => {
  const cases = {
    '0.0.0.0:5000': '127.0.0.1:5000',
    '[::]:5000': '[::1]:5000',
    '10.0.0.0:5000': '10.0.0.0:5000',
    '[::1]:5000': '[::1]:5000',
  }
  for (const [address, reachable] of Object.entries(cases)) {
    it(`reaches ${address} at ${reachable}`, () => assert.equal(reachableAddress(address), reachable))
  }
})
