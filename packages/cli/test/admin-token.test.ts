import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startCacheDaemon, type CacheDaemon } from './support/cache-daemon.ts'
import { runCommand } from './support/run-command.ts'
import { runInProcess } from './support/run-in-process.ts'

const ADVICE = "run this as the daemon's user, or name the file with --token-file FILE"

describe('the admin token', () => {
  let daemon: CacheDaemon

  beforeEach(async () => {
    daemon = await startCacheDaemon()
  })

  afterEach(() => daemon[Symbol.asyncDispose]())

  it('is read from the data folder of the configuration', async () => {
    const args = ['pin', 'nginx', '--admin', daemon.url, '--set', `node.dataDir=${daemon.dataDir}`]
    assert.equal((await runCommand(args)).code, 0)
  })

  it('is read from the file of the configuration', async () => {
    const env = {
      LAYERMESH_ADMIN_LISTEN: new URL(daemon.url).host,
      LAYERMESH_ADMIN_TOKEN_FILE: daemon.tokenFile,
    }
    assert.equal((await runInProcess(['pin', 'nginx'], { env })).code, 0)
  })

  async function failure(...flags: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runInProcess(['pin', 'nginx', '--admin', daemon.url, ...flags])
    assert.deepEqual([code, stdout], [1, ''])
    assert.deepEqual(daemon.calls, [])
    return stderr
  }

  it('is asked for in one line when it can not be read', async () => {
    const file = join(daemon.dataDir, 'missing')
    assert.equal(
      await failure('--token-file', file),
      `error: the admin token in ${file} can not be read (ENOENT): ${ADVICE}\n`,
    )
  })

  it('is asked for in one line when the file holds none', async () => {
    const file = join(daemon.dataDir, 'empty')
    for (const text of ['', 'one\ntwo\n', 'a token with späces']) {
      await writeFile(file, text)
      assert.equal(
        await failure('--token-file', file),
        `error: there is no admin token in ${file}: ${ADVICE}\n`,
      )
    }
  })

  it('is asked for in one line when it is that of another daemon', async () => {
    const file = join(daemon.dataDir, 'other')
    await writeFile(file, 'the-token-of-another')
    assert.equal(
      await failure('--token-file', file),
      `error: the daemon at ${daemon.url} has another admin token than ${file}: ${ADVICE}\n`,
    )
  })

  it('is not what is missing when no daemon answers', async () => {
    await daemon.stop()
    assert.equal(
      await failure('--token-file', daemon.tokenFile),
      `error: no daemon answers at ${daemon.url} (ECONNREFUSED); start one with: layermesh serve\n`,
    )
  })
})
