import assert from 'node:assert/strict'
import { chmod, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '@layermesh/interface'
import { createTempDir, ManualClock, type TempDir } from '@layermesh/testkit'
import { readSecrets, warnOfReadableSecret } from '../src/read-secret.ts'
import { LOOK_INTERVAL_MS, SecretWatch } from '../src/secret-watch.ts'

const OLD = 'the secret of last year'
const NEW = 'the secret of this year'

describe('SecretWatch', () => {
  let temp: TempDir
  let file: string
  let lines: [string, string][]

  const log = {
    info: (_fields: unknown, message: string) => void lines.push(['info', message]),
    warn: (_fields: unknown, message: string) => void lines.push(['warn', message]),
    error: (_fields: unknown, message: string) => void lines.push(['error', message]),
  } as unknown as Log

  beforeEach(async () => {
    temp = await createTempDir()
    file = join(temp.path, 'secret')
    lines = []
  })
  afterEach(() => temp[Symbol.asyncDispose]())

  const read = () => readSecrets('mesh.secretFile', file)

  it('takes over what the file holds by now, and nothing while it is no good', async () => {
    const clock = new ManualClock()
    await writeFile(file, OLD)
    const taken: (readonly string[])[] = []
    let looks = Promise.withResolvers<undefined>()
    const watch = new SecretWatch(
      {
        clock,
        log,
        read: () => read().finally(() => queueMicrotask(() => looks.resolve(undefined))),
        changed: async (secrets) => void taken.push(secrets),
      },
      [OLD],
    )
    const look = async () => {
      looks = Promise.withResolvers()
      while (clock.pendingTimers === 0) await new Promise(setImmediate)
      clock.advance(LOOK_INTERVAL_MS)
      await looks.promise
      while (clock.pendingTimers === 0) await new Promise(setImmediate)
    }
    await look()
    assert.deepEqual(taken, [])
    await writeFile(`${file}.next`, `${NEW}\n${OLD}\n`)
    await rename(`${file}.next`, file)
    await look()
    await writeFile(file, 'short')
    await look()
    await look()
    await writeFile(file, NEW)
    await look()
    assert.deepEqual(taken, [[NEW, OLD], [NEW]])
    assert.deepEqual(lines, [
      ['info', 'cluster secret changed'],
      ['error', 'cluster secret not taken over'],
      ['info', 'cluster secret changed'],
    ])
    await watch.stop()
    assert.equal(clock.pendingTimers, 0)
  })

  const wrong: readonly [string, RegExp][] = [
    ['', /the secret in .* has 0 characters, allowed are 16 or more/],
    [`${OLD}\nshort`, /the secret in .* has 5 characters/],
    [`${OLD}\n${NEW}\n${NEW} and more`, /has 3 secrets, one on each line; allowed are 1 or 2/],
  ]
  for (const [text, message] of wrong) {
    it(`has a file that holds ${JSON.stringify(text)} refused`, async () => {
      await writeFile(file, text)
      await assert.rejects(read(), message)
    })
  }

  it('has one secret in a file where it stands twice, with empty lines and carriage returns', async () => {
    await writeFile(file, `\n${OLD}\r\n\n${OLD}\r\n`)
    assert.deepEqual(await read(), [OLD])
  })

  it('has a warning about a file that everybody can read', async () => {
    await writeFile(file, OLD)
    await chmod(file, 0o640)
    await warnOfReadableSecret(file, log)
    assert.deepEqual(lines, [])
    await chmod(file, 0o644)
    await warnOfReadableSecret(file, log)
    assert.deepEqual(lines, [['warn', 'secret readable by others']])
  })
})
