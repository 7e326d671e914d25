import assert from 'node:assert/strict'

import { ManualClock } from '@layermesh/testkit'

import { DEFAULT_PAUSE_MS, MAX_PAUSE_MS, UpstreamPauses } from '../src/upstream-pauses.ts'

describe('UpstreamPauses', () => {
  const blobs = { upstream: 'docker.io', kind: 'blob' } as const
  const manifests = { upstream: 'docker.io', kind: 'manifest' } as const

  it('end when their time has passed', () => {
    const clock = new ManualClock()
    const pauses = new UpstreamPauses(clock)
    pauses.note(blobs, 1000)
    assert.equal(pauses.leftMs(blobs), 1000)
    clock.advance(999)
    assert.equal(pauses.leftMs(blobs), 1)
    clock.advance(1)
    assert.equal(pauses.leftMs(blobs), undefined)
  })

  it('are for one kind of content of one upstream', () => {
    const pauses = new UpstreamPauses(new ManualClock())
    pauses.note(manifests, 1000)
    assert.equal(pauses.leftMs(blobs), undefined)
    assert.equal(pauses.leftMs({ ...manifests, upstream: 'quay.io' }), undefined)
  })

  it('are not shortened by who knows of a shorter one, and not longer than is sensible', () => {
    const pauses = new UpstreamPauses(new ManualClock())
    pauses.note(blobs, 10 * MAX_PAUSE_MS)
    pauses.note(blobs, 10)
    assert.equal(pauses.leftMs(blobs), MAX_PAUSE_MS)
  })

  it('have a length of their own when upstream says none', () => {
    const pauses = new UpstreamPauses(new ManualClock())
    pauses.note(blobs, undefined)
    assert.equal(pauses.leftMs(blobs), DEFAULT_PAUSE_MS)
  })

  it('forget the oldest when peers name ever new upstreams', () => {
    const pauses = new UpstreamPauses(new ManualClock())
    pauses.note(blobs, 1000)
    for (let index = 0; index < 256; index += 1) {
      pauses.note({ upstream: `host-${index}.test`, kind: 'blob' }, 1000)
    }
    assert.equal(pauses.leftMs(blobs), undefined)
    assert.equal(pauses.leftMs({ upstream: 'host-255.test', kind: 'blob' }), 1000)
  })
})
