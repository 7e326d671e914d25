import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { runInProcess } from './support/run-in-process.ts'

describe('layermesh secret', () => {
  let temp: TempDir
  let file: string

  beforeEach(async () => {
    temp = await createTempDir()
    file = join(temp.path, 'secret')
  })
  afterEach(() => temp[Symbol.asyncDispose]())

  const linesOf = async () => (await readFile(file, 'utf8')).trim().split('\n')

  it('prints another secret each time', async () => {
    const [one, two] = [await runInProcess(['secret']), await runInProcess(['secret'])]
    assert.match(one.stdout, /^[\w-]{43}\n$/)
    assert.match(two.stdout, /^[\w-]{43}\n$/)
    assert.notEqual(one.stdout, two.stdout)
  })

  it('makes a file for its owner alone, and never replaces one', async () => {
    assert.equal((await runInProcess(['secret', '--file', file])).code, 0)
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const before = await linesOf()
    const again = await runInProcess(['secret', '--file', file])
    assert.equal(again.code, 1)
    assert.match(again.stderr, /secret can not be made \(EEXIST\)/)
    assert.deepEqual(await linesOf(), before)
  })

  it('replaces a secret in two steps', async () => {
    await runInProcess(['secret', '--file', file])
    const [old] = await linesOf()
    await runInProcess(['secret', '--file', file, '--rotate'])
    const [fresh, kept, ...more] = await linesOf()
    assert.deepEqual([kept, more], [old, []])
    assert.notEqual(fresh, old)
    await runInProcess(['secret', '--file', file, '--retire'])
    assert.deepEqual(await linesOf(), [fresh])
    assert.equal((await stat(file)).mode & 0o777, 0o600)
  })

  const refusals: readonly [string, string[], string | undefined, number, RegExp][] = [
    ['--rotate without a file', ['--rotate'], undefined, 2, /--rotate and --retire need --file FILE/],
    ['both steps at once', ['--rotate', '--retire'], 'a secret', 2, /two steps/],
    ['to drop the only secret', ['--retire'], 'a secret', 1, /holds one secret/],
    ['an empty file', ['--rotate'], '\n', 1, /holds no secret/],
  ]
  for (const [what, options, content, exitCode, message] of refusals) {
    it(`refuses ${what}`, async () => {
      if (content !== undefined) await writeFile(file, content)
      const named = content === undefined ? [] : ['--file', file]
      const outcome = await runInProcess(['secret', ...named, ...options])
      assert.equal(outcome.code, exitCode)
      assert.match(outcome.stderr, message)
      if (content !== undefined) assert.equal(await readFile(file, 'utf8'), content)
    })
  }
})
