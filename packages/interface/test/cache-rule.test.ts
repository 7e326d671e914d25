import assert from 'node:assert/strict'

import { cacheActionFor, type CachedFacts, type CacheRule } from '@layermesh/interface'

const FACTS: CachedFacts = {
  upstream: 'docker.io',
  repository: 'library/nginx',
  sizeBytes: 1000,
  tag: 'dev-7',
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
}

describe('cacheActionFor', () => {
  const met: readonly Omit<CacheRule, 'action'>[] = [
    {},
    { upstream: 'docker.io' },
    { repository: /^library\//u },
    { tag: /^dev-/u },
    { mediaType: /tar\+gzip$/u },
    { largerThanBytes: 999 },
    { smallerThanBytes: 1001 },
    { upstream: 'docker.io', repository: /nginx/u, tag: /7/u, largerThanBytes: 1, smallerThanBytes: 2000 },
  ]
  for (const rule of met) {
    it(`goes by a rule that holds: ${Object.keys(rule).join(', ') || 'no condition'}`, () => {
      assert.equal(cacheActionFor(FACTS, [{ ...rule, action: 'skip' }]), 'skip')
    })
  }

  const unmet: readonly Omit<CacheRule, 'action'>[] = [
    { upstream: 'quay.io' },
    { repository: /^team\//u },
    { tag: /^v/u },
    { mediaType: /zstd/u },
    { largerThanBytes: 1000 },
    { smallerThanBytes: 1000 },
    { upstream: 'docker.io', tag: /^v/u },
  ]
  for (const rule of unmet) {
    it(`keeps what a rule is not about: ${Object.keys(rule).join(', ')}`, () => {
      assert.equal(cacheActionFor(FACTS, [{ ...rule, action: 'skip' }]), 'keep')
    })
  }

  it('does not take what is not known for met', () => {
    const { upstream, repository, sizeBytes } = FACTS
    for (const rule of [{ tag: /.*/u }, { mediaType: /.*/u }]) {
      assert.equal(cacheActionFor({ upstream, repository, sizeBytes }, [{ ...rule, action: 'pin' }]), 'keep')
    }
  })

  it('goes by the first rule that holds', () => {
    const rules: readonly CacheRule[] = [
      { repository: /^team\//u, action: 'skip' },
      { repository: /^library\//u, action: 'pin' },
      { action: 'skip' },
    ]
    assert.equal(cacheActionFor(FACTS, rules), 'pin')
    assert.equal(cacheActionFor({ ...FACTS, repository: 'team/app' }, rules), 'skip')
    assert.equal(cacheActionFor({ ...FACTS, repository: 'other/app' }, rules), 'skip')
    assert.equal(cacheActionFor(FACTS, []), 'keep')
  })
})
