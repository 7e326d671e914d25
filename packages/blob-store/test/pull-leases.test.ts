import assert from 'node:assert/strict'
import type { Digest } from '@layermesh/interface'
import { PULL_LEASE_MS, PullLeases } from '../src/pull-leases.ts'

const [a, b] = ['a', 'b'] as Digest[] as [Digest, Digest]

describe('PullLeases', () => {
  let nowMs = 0
  let leases: PullLeases
  beforeEach(() => {
    nowMs = 1_000_000
    leases = new PullLeases(() => nowMs)
  })

  it('keeps a digest for ten minutes', () => {
    leases.take([a])
    assert.ok(leases.has(a))
    assert.ok(!leases.has(b))
    nowMs += PULL_LEASE_MS - 1
    assert.ok(leases.has(a))
    nowMs += 1
    assert.ok(!leases.has(a))
  })

  it('begins anew with each pull', () => {
    leases.take([a, b])
    nowMs += PULL_LEASE_MS - 1
    leases.take([a])
    nowMs += 1
    assert.ok(leases.has(a))
    assert.ok(!leases.has(b))
  })

  it('holds no memory for what has ended', () => {
    leases.take([a, b])
    nowMs += 5
    leases.take([a])
    nowMs += PULL_LEASE_MS - 5
    assert.equal(leases.size, 1)
  })
})
