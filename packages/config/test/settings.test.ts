import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createLayerCheck } from '../src/check-layer.ts'
import { layerOf } from '../src/layer.ts'
import { environmentName, SETTING_KEYS, settingsOf } from '../src/setting-keys.ts'
import { isGroup, type Group } from '../src/setting.ts'
import { SETTINGS } from '../src/settings.ts'
import { WELL_KNOWN_UPSTREAMS } from '../src/well-known-upstreams.ts'

/** Every name that the sources outside of this package use. */
async function namesInUse(): Promise<ReadonlySet<string>> {
  const packages = join(import.meta.dirname, '../..')
  const names = new Set<string>()
  for await (const file of glob('*/src/**/*.ts', { cwd: packages })) {
    if (file.startsWith('config/')) continue
    for (const name of (await readFile(join(packages, file), 'utf8')).match(/\w+/g) ?? []) names.add(name)
  }
  return names
}

/** The names of the typed result, of groups as of settings. */
function fieldsOf(group: Group): readonly string[] {
  return Object.entries(group.entries).flatMap(([key, entry]) => {
    const members = isGroup(entry) ? entry : entry.kind.item
    return [entry.field ?? key, ...(members === undefined ? [] : fieldsOf(members))]
  })
}

describe('SETTINGS', () => {
  it('has defaults that its own schema accepts', () => {
    const check = createLayerCheck()
    for (const [key, { otherwise }] of settingsOf(SETTINGS)) {
      if (typeof otherwise === 'string') continue
      const value = 'value' in otherwise ? otherwise.value : otherwise.compute({}, {})
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

  it('has nothing that no other package reads', async () => {
    const names = await namesInUse()
    assert.deepEqual(
      fieldsOf(SETTINGS).filter((field) => !names.has(field)),
      [],
    )
  })

  it('explains each setting in whole sentences', () => {
    for (const [key, { help }] of settingsOf(SETTINGS)) assert.match(help, /^[A-Z].*\.$/, key)
  })
})
