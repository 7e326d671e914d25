import assert from 'node:assert/strict'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { type Log, silentLog } from '@layermesh/interface'
import { createTempDir, type TempDir } from '@layermesh/testkit'

import { loadAdminToken } from '../src/admin-token.ts'

describe('loadAdminToken', () => {
  let temp: TempDir
  let file: string
  let logged: string[]
  let log: Log

  beforeEach(async () => {
    temp = await createTempDir()
    file = join(temp.path, 'admin.token')
    logged = []
    const method = (_fields: unknown, message: string) => void logged.push(message)
    log = { ...silentLog, info: method, warn: method }
  })

  afterEach(() => temp[Symbol.asyncDispose]())

  it('makes a token of 32 random bytes that only its user can read, and leaves nothing else', async () => {
    const token = await loadAdminToken(file, log)
    assert.match(token, /^[\w-]{43}$/)
    assert.equal(await readFile(file, 'utf8'), `${token}\n`)
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(temp.path), ['admin.token'])
    assert.deepEqual(logged, ['admin token created'])
  })

  it('reads the token that is there, without white space at its ends', async () => {
    const token = await loadAdminToken(file, log)
    assert.equal(await loadAdminToken(file, log), token)
    await writeFile(file, '  another-token-of-mine==\n\n')
    assert.equal(await loadAdminToken(file, log), 'another-token-of-mine==')
  })

  it('gives the same token to all that make it at the same time', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => loadAdminToken(file, log)))
    assert.deepEqual([...new Set(tokens)], [(await readFile(file, 'utf8')).trim()])
    assert.deepEqual(await readdir(temp.path), ['admin.token'])
  })

  it('warns of a token that anybody can read, but uses it', async () => {
    const token = await loadAdminToken(file, silentLog)
    await chmod(file, 0o640)
    assert.equal(await loadAdminToken(file, log), token)
    assert.deepEqual(logged, [])
    await chmod(file, 0o644)
    assert.equal(await loadAdminToken(file, log), token)
    assert.deepEqual(logged, ['admin token not private'])
  })

  const refused: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    ['an empty file', '', /has 0 characters, allowed are 16 or more$/],
    ['a short token', 'fifteen-letters\n', /has 15 characters/],
    ['a token that fits in no header', 'one token and another', /other than letters, digits and/],
  ]
  for (const [what, text, message] of refused) {
    it(`throws ERR_CONFIG_INVALID in one line for ${what}`, async () => {
      await writeFile(file, text)
      await assert.rejects(loadAdminToken(file, log), (error: Error & { readonly code: string }) => {
        assert.equal(error.code, 'ERR_CONFIG_INVALID')
        assert.ok(error.message.startsWith(`admin.tokenFile: `) && error.message.includes(file))
        assert.match(error.message, message)
        return true
      })
      assert.equal(await readFile(file, 'utf8'), text)
    })
  }

  it('throws ERR_CONFIG_INVALID when the file can not be made or read', async () => {
    const missing = join(temp.path, 'missing', 'admin.token')
    await assert.rejects(loadAdminToken(missing, log), {
      code: 'ERR_CONFIG_INVALID',
      message: `admin.tokenFile: ${missing} can not be made (ENOENT)`,
    })
    await assert.rejects(loadAdminToken(temp.path, log), {
      code: 'ERR_CONFIG_INVALID',
      message: `admin.tokenFile: ${temp.path} can not be read (EISDIR)`,
    })
  })
})
