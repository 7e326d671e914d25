import assert from 'node:assert/strict'
import fc from 'fast-check'
import { canonicalRepository, canonicalUpstreamHost } from '@layermesh/oci'

describe('upstream host', () => {
  describe('canonicalUpstreamHost', () => {
    for (const [text, canonical] of [
      ['docker.io', 'docker.io'],
      ['index.docker.io', 'docker.io'],
      ['Registry-1.Docker.IO:443', 'docker.io'],
      ['ghcr.io', 'ghcr.io'],
      ['ghcr.io:443', 'ghcr.io'],
      ['ghcr.io:0443', 'ghcr.io'],
      ['reg.example.com:5000', 'reg.example.com:5000'],
      ['localhost:5000', 'localhost:5000'],
      ['127.0.0.1:5000', '127.0.0.1:5000'],
      ['[::1]:5000', '[::1]:5000'],
      ['registry', 'registry'],
    ] as const) {
      it(`makes ${canonical} of ${text}`, () => {
        assert.equal(canonicalUpstreamHost(text), canonical)
      })
    }

    for (const text of [
      '',
      'a..b',
      '.a',
      'a.',
      '-a.b',
      'a_b',
      'a/b',
      'a:b',
      'a:',
      'a:0',
      'a:65536',
      'a:5000/x',
      'user@a.b',
      'https://a.b',
      'a b',
      'a.b\r\nX: y',
      '::1',
      'é.io',
      `${'a.'.repeat(200)}b`,
    ]) {
      it(`rejects ${JSON.stringify(text.slice(0, 20))} with ERR_ROUTE_INVALID`, () => {
        assert.throws(() => canonicalUpstreamHost(text), { code: 'ERR_ROUTE_INVALID' })
      })
    }

    it('does not change what is canonical', () => {
      fc.assert(
        fc.property(fc.domain(), fc.option(fc.integer({ min: 1, max: 65_535 })), (domain, port) => {
          const canonical = canonicalUpstreamHost(port === null ? domain : `${domain}:${String(port)}`)
          assert.equal(canonicalUpstreamHost(canonical), canonical)
        }),
      )
    })
  })

  describe('canonicalRepository', () => {
    it('adds library/ to one component at docker.io only', () => {
      assert.equal(canonicalRepository('docker.io', 'nginx'), 'library/nginx')
      assert.equal(canonicalRepository('docker.io', 'grafana/loki'), 'grafana/loki')
      assert.equal(canonicalRepository('quay.io', 'nginx'), 'nginx')
    })
  })
})
