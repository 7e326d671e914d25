import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { inspect } from 'node:util'
import { UpstreamCredentialsError } from '@layermesh/interface'
import { createTempDir, ManualClock, type TempDir, until } from '@layermesh/testkit'
import { createAskHelper, HELPER_TIMEOUT_MS } from '../src/credential-helper.ts'

describe('createAskHelper', () => {
  const path = process.env['PATH'] ?? ''
  let folder: TempDir
  let clock: ManualClock

  beforeEach(async () => {
    folder = await createTempDir()
    clock = new ManualClock()
    process.env['PATH'] = folder.path + delimiter + path
  })

  afterEach(async () => {
    process.env['PATH'] = path
    await folder[Symbol.asyncDispose]()
  })

  /** Puts a helper of this name, a script of the shell, where it is found, and asks it. */
  async function ask(script: string, name = 'test') {
    const file = join(folder.path, `docker-credential-${name}`)
    await writeFile(file, `#!/bin/sh\n${script}\n`)
    await chmod(file, 0o755)
    return createAskHelper(clock)(name, 'reg.example')
  }

  it('says `get`, gives it the server, and reads name and password', async () => {
    const script = 'read server; printf \'{"ServerURL":"x","Username":"%s","Secret":"%s"}\' "$*" "$server"'
    assert.deepEqual(await ask(script), { username: 'get', password: 'reg.example' })
    assert.equal(clock.pendingTimers, 0)
  })

  it('reads an identity token', async () => {
    assert.deepEqual(await ask(`echo '{"Username":"<token>","Secret":"id"}'`), { identityToken: 'id' })
  })

  it('is undefined when it knows no login', async () => {
    assert.equal(await ask('echo credentials not found in native keychain; exit 1'), undefined)
  })

  const failures: readonly [title: string, script: string, message: RegExp][] = [
    ['fails', 'echo s3cret; echo s3cret >&2; exit 3', /^docker-credential-test ended with 3$/],
    ['is killed', 'kill -9 $$', /^docker-credential-test ended with a signal$/],
    ['answers nonsense', 'echo s3cret', /^docker-credential-test answered with no login$/],
    ['answers without a secret', 'echo "{}"', /answered with no login$/],
    [
      'answers with something else for a secret',
      `echo '{"Username":"u","Secret":7}'`,
      /answered with no login$/,
    ],
    ['answers without end', 'yes s3cret', /answered with more than 65536 bytes$/],
  ]
  for (const [title, script, message] of failures) {
    it(`rejects with ERR_UPSTREAM_CREDENTIALS, and tells no secret, when it ${title}`, async () => {
      await assert.rejects(ask(script), (error) => {
        assert.ok(error instanceof UpstreamCredentialsError)
        assert.match(error.message, message)
        assert.doesNotMatch(inspect(error), /s3cret/)
        return true
      })
      assert.equal(clock.pendingTimers, 0)
    })
  }

  it('rejects with ERR_UPSTREAM_CREDENTIALS when it takes too long, and ends it', async () => {
    const answer = ask('exec sleep 1000')
    await until(async () => Promise.resolve(clock.pendingTimers === 1))
    clock.advance(HELPER_TIMEOUT_MS)
    await assert.rejects(answer, /^UpstreamCredentialsError: docker-credential-test gave no answer in 20 s$/)
  })

  it('rejects with ERR_UPSTREAM_CREDENTIALS when there is no such program', async () => {
    await assert.rejects(createAskHelper(clock)('missing', 'x'), /docker-credential-missing can not be run$/)
  })

  it('runs nothing whose name could be a path, an option or a command', async () => {
    for (const name of ['', '../evil', '/bin/sh', '-x', 'a b', 'a;reboot', '$(reboot)', '.hidden']) {
      await assert.rejects(createAskHelper(clock)(name, 'x'), /can not be the name of a credential helper$/)
    }
  })
})
