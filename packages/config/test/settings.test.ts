import assert from 'node:assert/strict'
import { createLayerCheck } from '../src/check-layer.ts'
import { layerOf } from '../src/layer.ts'
import { environmentName, SETTING_KEYS, settingsOf } from '../src/setting-keys.ts'
import { SETTINGS } from '../src/settings.ts'
import { WELL_KNOWN_UPSTREAMS } from '../src/well-known-upstreams.ts'

describe('SETTINGS', () => {
  it('has defaults that its own schema accepts', () => {
    const check = createLayerCheck()
    for (const [key, { otherwise }] of settingsOf(SETTINGS)) {
      if (typeof otherwise === 'string') continue
      const value = 'value' in otherwise ? otherwise.value : otherwise.compute({})
      assert.doesNotThrow(() => check(layerOf('the table', key, value)))
    }
    assert.doesNotThrow(() => check({ origin: 'the table', values: { upstreams: WELL_KNOWN_UPSTREAMS } }))
  })

  it('gives each setting an environment name of its own', () => {
    assert.equal(new Set(SETTING_KEYS.map(environmentName)).size, SETTING_KEYS.length)
  })

  it('gives no setting an environment name that Kubernetes could take', () => {
    assert.deepEqual(
      SETTING_KEYS.map(environmentName).filter((name) => /_PORT|_SERVICE_/.test(name)),
      [],
    )
  })

  it('explains each setting in whole sentences', () => {
    for (const [key, { help }] of settingsOf(SETTINGS)) assert.match(help, /^[A-Z].*\.$/, key)
  })
})
