import assert from 'node:assert/strict'
import { copyFile, glob, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { createTempDir } from '@layermesh/testkit'

import { runCommand } from './support/run-command.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

interface CruiseResult {
  readonly modules: readonly { readonly source: string }[]
  readonly summary: { readonly violations: readonly { readonly rule: { readonly name: string } }[] }
}

async function cruise(folder: string, path: string): Promise<CruiseResult> {
  const depcruise = join(ROOT, 'node_modules/.bin/depcruise')
  const args = ['--config', join(ROOT, '.dependency-cruiser.cjs'), '--output-type', 'json', path]
  // It exits with the number of violations; what they are is what is wanted here.
  const { stdout } = await runCommand('sh', ['-c', 'cd "$0" && "$@" || true', folder, depcruise, ...args])
  return JSON.parse(stdout) as CruiseResult
}

describe('the check of package boundaries', () => {
  it('looks at every source file', async () => {
    const { modules, summary } = await cruise(ROOT, 'packages')
    const cruised = new Set(modules.map(({ source }) => source))
    const missed: string[] = []
    for await (const file of glob('packages/*/src/**/*.ts', { cwd: ROOT }))
      if (!cruised.has(file)) missed.push(file)
    assert.deepEqual(missed, [])
    assert.deepEqual(summary.violations, [])
  })

  it('finds an arrow that goes up, and a library in the wrong package', async () => {
    await using temp = await createTempDir()
    const write = async (name: string, text: string) => {
      const file = join(temp.path, name)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, text)
    }
    await write(
      'packages/interface/src/index.ts',
      "import '../../node/src/index.ts'\nimport '../../../node_modules/libp2p/index.js'\n",
    )
    await write('packages/node/src/index.ts', 'export {}\n')
    await write('node_modules/libp2p/index.js', 'export {}\n')
    await copyFile(join(ROOT, 'tsconfig.base.json'), join(temp.path, 'tsconfig.base.json'))
    const { summary } = await cruise(temp.path, 'packages')
    const broken = summary.violations.map(({ rule }) => rule.name)
    assert.deepEqual(broken.toSorted(), [
      'arrows-go-down-only-from-interface',
      'only-mesh-imports--libp2p-libp2p-chainsafe-multiformats-',
    ])
  })
})
