import assert from 'node:assert/strict'
import { loadConfig } from '@layermesh/config'
import { mirrorInit } from '../src/mirror-init.ts'
import { tagPolicies } from '../src/tag-policies.ts'

describe('mirrorInit', () => {
  it('has every address, with what is special about it', async () => {
    const set = [
      'mirror.listen=["127.0.0.1:5000"]',
      'mirror.tls.listen=["127.0.0.1:5443"]',
      'mirror.tls.certFile=/c.pem',
      'mirror.tls.keyFile=/k.pem',
      'upstreams=[{host: quay.io, listen: ["127.0.0.1:5010"], servedAs: [quay.local]}]',
    ]
    const { listen, tls, upstreams, allowOthers, hideRateLimits } = mirrorInit(
      await loadConfig({ env: {}, set }),
    )
    assert.deepEqual(listen, [
      { host: '127.0.0.1', port: 5000 },
      { host: '127.0.0.1', port: 5443, setting: 'mirror.tls.listen', isTls: true },
      { host: '127.0.0.1', port: 5010, setting: 'upstreams: listen of quay.io', upstream: 'quay.io' },
    ])
    assert.deepEqual(tls, { certFile: '/c.pem', keyFile: '/k.pem' })
    assert.deepEqual(upstreams.find(({ host }) => host === 'quay.io')?.servedAs, ['quay.local'])
    assert.deepEqual([allowOthers, hideRateLimits], [false, false])
  })

  it('says what the two switches say', async () => {
    const set = ['otherUpstreams.allow=true', 'mirror.rateLimits=hide']
    const { allowOthers, hideRateLimits, tls } = mirrorInit(await loadConfig({ env: {}, set }))
    assert.deepEqual([allowOthers, hideRateLimits, tls], [true, true, undefined])
  })
})

describe('tagPolicies', () => {
  it('knows registries that nobody has listed only if they are allowed', async () => {
    const refused = tagPolicies(await loadConfig({ env: {}, set: [] }))
    assert.throws(() => refused('registry.example'), { code: 'ERR_UPSTREAM_UNKNOWN' })
    const set = ['otherUpstreams.allow=true', 'otherUpstreams.tags.revalidateAfter=5s']
    const allowed = tagPolicies(await loadConfig({ env: {}, set }))
    assert.equal(allowed('registry.example').revalidateAfterMs, 5000)
    assert.equal(allowed('quay.io').revalidateAfterMs, 60_000)
  })
})
