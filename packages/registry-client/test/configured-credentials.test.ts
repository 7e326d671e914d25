import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { UpstreamCredentialsError } from '@layermesh/interface'
import { createTempDir, ManualClock, type TempDir } from '@layermesh/testkit'
import {
  ConfiguredCredentials,
  type CredentialFiles,
  HELPER_ANSWER_MS,
} from '../src/configured-credentials.ts'
import type { AskHelper } from '../src/credential-helper.ts'
import { credentialOf } from '../src/credential.ts'
import { CHECK_EVERY_MS } from '../src/watched-file.ts'
import { createRecordingLog, type RecordingLog } from './support/recording-log.ts'

const HELPED = { username: 'helped', password: 'h' }

describe('ConfiguredCredentials', () => {
  let folder: TempDir
  let clock: ManualClock
  let log: RecordingLog
  let asked: (readonly [name: string, server: string])[]
  let helper: AskHelper

  beforeEach(async () => {
    folder = await createTempDir()
    clock = new ManualClock()
    log = createRecordingLog()
    asked = []
    helper = () => Promise.resolve(HELPED)
  })

  afterEach(() => folder[Symbol.asyncDispose]())

  async function write(name: string, content: unknown): Promise<string> {
    const path = join(folder.path, name)
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }

  function credentialsFor(files: CredentialFiles, host = 'reg.example') {
    const askHelper: AskHelper = (name, server) => {
      asked.push([name, server])
      return helper(name, server)
    }
    return new ConfiguredCredentials({ clock, log, askHelper }, host, files)
  }

  async function secretOf(credentials: ConfiguredCredentials, repository = 'a/b') {
    return (await credentials.find(repository, undefined))?.secret
  }

  const auth = (username: string) => ({ username, password: 'p' })

  it('finds nothing where nothing is configured', async () => {
    assert.equal(await secretOf(credentialsFor({})), undefined)
  })

  it('takes name and password file, without the end of its line', async () => {
    const passwordFile = await write('password', ' p w \r\n')
    const credentials = credentialsFor({ username: 'u', passwordFile })
    assert.deepEqual(await secretOf(credentials), { username: 'u', password: ' p w ' })
  })

  it('takes the first of several places that has a login', async () => {
    const pullSecret = await write('pull', {
      auths: { 'reg.example/only': auth('pull') },
      credsStore: 'never',
    })
    const dockerConfig = await write('docker', { auths: { 'reg.example': auth('docker') } })
    const credentials = credentialsFor({ pullSecret, dockerConfig })
    assert.deepEqual(await secretOf(credentials, 'only/app'), auth('pull'))
    assert.deepEqual(await secretOf(credentials, 'other'), auth('docker'))
    assert.deepEqual(asked, [])
  })

  it('asks the helper of the host, else the general one, before the file itself', async () => {
    const dockerConfig = await write('docker', {
      auths: { 'reg.example': auth('file'), 'docker.io': auth('file') },
      credHelpers: { 'reg.example': 'own' },
      credsStore: 'general',
    })
    assert.deepEqual(await secretOf(credentialsFor({ dockerConfig })), HELPED)
    assert.deepEqual(await secretOf(credentialsFor({ dockerConfig }, 'docker.io')), HELPED)
    assert.deepEqual(asked, [
      ['own', 'reg.example'],
      ['general', 'https://index.docker.io/v1/'],
    ])
    helper = () => Promise.resolve(undefined)
    assert.deepEqual(await secretOf(credentialsFor({ dockerConfig })), auth('file'))
  })

  it('asks a helper once for all who want to know, and again after a while', async () => {
    const credentials = credentialsFor({ dockerConfig: await write('docker', { credsStore: 'general' }) })
    await Promise.all(Array.from({ length: 10 }, () => secretOf(credentials)))
    clock.advance(HELPER_ANSWER_MS - 1)
    await secretOf(credentials)
    assert.equal(asked.length, 1)
    clock.advance(1)
    await secretOf(credentials)
    assert.equal(asked.length, 2)
  })

  it('asks a helper again soon when the registry refuses its answer', async () => {
    const credentials = credentialsFor({ dockerConfig: await write('docker', { credsStore: 'general' }) })
    await secretOf(credentials)
    credentials.refused(credentialOf(HELPED))
    await secretOf(credentials)
    assert.equal(asked.length, 1)
    clock.advance(10_000)
    await secretOf(credentials)
    assert.equal(asked.length, 2)
  })

  it('notices a file that has changed', async () => {
    const credentials = credentialsFor({ username: 'u', passwordFile: await write('password', 'one') })
    await secretOf(credentials)
    await write('password', 'three')
    clock.advance(CHECK_EVERY_MS)
    assert.deepEqual(await secretOf(credentials), { username: 'u', password: 'three' })
  })

  it('is as if there were no login while none can be had, and says so once', async () => {
    const passwordFile = await write('password', 'one')
    const credentials = credentialsFor({ username: 'u', passwordFile })
    await rm(passwordFile)
    for (let round = 0; round < 3; round += 1) {
      assert.equal(await secretOf(credentials), undefined)
      clock.advance(CHECK_EVERY_MS)
    }
    await write('password', 'one')
    assert.notEqual(await secretOf(credentials), undefined)
    assert.deepEqual(
      log.lines.map(({ level, message }) => `${level} ${message}`),
      ['warn upstream credentials unusable', 'info upstream credentials usable again'],
    )
    assert.match(inspect(log.lines[0]?.fields), /password: can not be read \(ENOENT\)/)
  })

  it('says anew when the reason is another', async () => {
    const credentials = credentialsFor({ dockerConfig: await write('docker', { credsStore: 'general' }) })
    helper = () => Promise.reject(new UpstreamCredentialsError('one'))
    await secretOf(credentials)
    await secretOf(credentials)
    helper = () => Promise.reject(new UpstreamCredentialsError('two'))
    await secretOf(credentials)
    assert.equal(log.messages('warn').length, 2)
  })

  it('says once for each login that the registry refuses it', () => {
    const credentials = credentialsFor({})
    for (const password of ['a', 'a', 'b']) credentials.refused(credentialOf({ username: 'u', password }))
    assert.deepEqual(log.messages('warn'), ['upstream credentials refused', 'upstream credentials refused'])
  })

  it('rejects with the reason of the signal', async () => {
    const reason = new Error('gone')
    const credentials = credentialsFor({ username: 'u', passwordFile: await write('password', 'one') })
    await assert.rejects(credentials.find('a', AbortSignal.abort(reason)), reason)
  })
})
