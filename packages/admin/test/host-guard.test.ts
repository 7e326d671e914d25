import assert from 'node:assert/strict'
import { isHostAllowed } from '../src/host-guard.ts'

describe('isHostAllowed', () => {
  for (const host of [
    '127.0.0.1',
    '127.0.0.1:5001',
    '[::1]:5001',
    'localhost',
    'localhost:5001',
    '10.0.0.7:5001',
  ]) {
    it(`allows ${host} on loopback`, () => assert.ok(isHostAllowed(host, '127.0.0.1')))
  }

  for (const host of [
    undefined,
    '',
    'evil.example.com',
    'evil.example.com:5001',
    '127.0.0.1.evil.com',
    'localhost.',
  ]) {
    it(`refuses ${String(host)} on loopback`, () => assert.ok(!isHostAllowed(host, '127.0.0.1')))
  }

  for (const listenHost of ['localhost', '::1', '127.0.0.53']) {
    it(`guards ${listenHost} too`, () => assert.ok(!isHostAllowed('evil.example.com', listenHost)))
  }

  it('allows any name where the network can reach the endpoint', () => {
    assert.ok(isHostAllowed('node1.example.com:5001', '0.0.0.0'))
  })
})
