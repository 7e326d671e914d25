import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createTempDir } from '@layermesh/testkit'
import { runtimeHints } from '../src/runtime-hints.ts'

const HINTS = new Map(runtimeHints('127.0.0.1:5000'))

/** Runs a hint with its files below a temporary folder, and returns what it has written. */
async function fileOf(runtime: string, path: string): Promise<string> {
  await using dir = await createTempDir()
  await promisify(execFile)('sh', ['-c', HINTS.get(runtime)!.replaceAll('/etc/', `${dir.path}/etc/`)])
  return await readFile(join(dir.path, path), 'utf8')
}

describe('runtimeHints', () => {
  it('are one line each', () => {
    assert.deepEqual([...HINTS.keys()], ['Docker', 'containerd', 'Podman'])
    for (const hint of HINTS.values()) assert.doesNotMatch(hint, /\n/)
  })

  it('tell Docker the mirror with its scheme, without which it refuses to start', () => {
    assert.match(HINTS.get('Docker')!, /"registry-mirrors": \["http:\/\/127\.0\.0\.1:5000"\]$/)
  })

  it('write the hosts file of containerd', async () => {
    assert.equal(
      await fileOf('containerd', 'etc/containerd/certs.d/_default/hosts.toml'),
      '[host."http://127.0.0.1:5000"]\ncapabilities = ["pull", "resolve"]\n',
    )
  })

  it('write the registry entry of Podman', async () => {
    assert.equal(
      await fileOf('Podman', 'etc/containers/registries.conf.d/layermesh.conf'),
      `[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "127.0.0.1:5000/docker.io"
insecure = true
`,
    )
  })
})
