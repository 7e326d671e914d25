import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { createTempDir, type TempDir } from '@layermesh/testkit'

import { whyNoNamespaces } from '../../bench/harness/lab/open-lab.ts'
import { runCommand } from '../support/run-command.ts'

const MAIN = fileURLToPath(new URL('../../bench/harness/main.ts', import.meta.url))
const TIMEOUT_MS = 120_000
/** The user that owns nothing; the same number everywhere. */
const NOBODY = 65_534
/** A run that takes its time: an image of 32 MiB over 20 Mbit/s. */
const LONG_RUN = ['--scenario', 'edge', '--contenders', 'layermesh', '--nodes', '2', '--clients', 'built-in']

const noNamespaces = whyNoNamespaces()

/** Of all processes; those that end meanwhile have none. */
async function commandLines(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
}

interface Ended {
  readonly code: number | null
  readonly lines: readonly string[]
}

describe('npm run bench, when it can not go well', function () {
  this.timeout(TIMEOUT_MS)
  let dir: TempDir

  beforeEach(async () => {
    dir = await createTempDir()
  })
  afterEach(() => dir[Symbol.asyncDispose]())

  /** Everything of the run is in the temporary folder, or named after a folder there. */
  const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}, uid?: number) =>
    spawn(process.execPath, [MAIN, ...args], {
      env: { ...process.env, TMPDIR: dir.path, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own, which gets what a terminal sends to all.
      detached: true,
      ...(uid !== undefined && { uid }),
    })
  const whenEnded = async (child: ReturnType<typeof start>): Promise<Ended> => {
    const closed = once(child, 'close')
    const lines: string[] = []
    for await (const line of createInterface({ input: child.stderr })) lines.push(line)
    await closed
    return { code: child.exitCode, lines }
  }
  const run = (...args: Parameters<typeof start>) => whenEnded(start(...args))

  /** Starts a run and resolves with it and the names of its folders once its nodes pull. */
  const startPulling = async () => {
    const child = start(LONG_RUN)
    const step = Promise.withResolvers<undefined>()
    child.stderr.setEncoding('utf8').on('data', (output: string) => {
      if (output.includes('all nodes at once')) step.resolve(undefined)
    })
    child.once('close', () => step.reject(new Error('the run has ended')))
    await step.promise
    return { child, folders: await runFolders() }
  }
  const runFolders = async () => (await readdir(dir.path)).filter((name) => name.startsWith('lmbench-'))

  /** Names of namespaces, folders and processes that are there of these runs. */
  const leftOf = async (folders: readonly string[]): Promise<string[]> => {
    const isOfRun = (line: string) => folders.some((folder) => line.includes(folder))
    const namespaces = noNamespaces === undefined ? (await runCommand('ip', ['netns', 'list'])).stdout : ''
    return [...namespaces.split('\n'), ...(await commandLines()), ...(await runFolders())].filter(isOfRun)
  }

  it('says which mistakes a topology has', async () => {
    const file = join(dir.path, 'mine.yaml')
    await writeFile(file, 'regions: [{ name: eu, sites: [{ name: a, nodes: 2, rate: 20 }] }]')
    const { code, lines } = await run(['--topology', file])
    assert.equal(code, 2)
    assert.deepEqual(lines, [`bench: ${file}: regions.0.sites.0.rate = 20: must be string`])
  })

  it('names a program that a contender needs', async () => {
    const { code, lines } = await run(['--contenders', 'pull-through'], { PATH: dir.path })
    assert.equal(code, 2)
    assert.deepEqual(lines, ["bench: pull-through needs docker-registry, which isn't installed"])
  })

  it('names a program that namespaces need', async function () {
    if (process.getuid?.() !== 0) this.skip()
    const { code, lines } = await run(['--mode', 'netns', '--contenders', 'direct'], { PATH: dir.path })
    assert.equal(code, 2)
    assert.equal(lines.length, 1)
    assert.match(
      lines[0] ?? '',
      /^bench: namespaces need (ip, tc, )?nsenter \(Debian: iproute2, util-linux\)$/,
    )
  })

  it('says that namespaces need root', async function () {
    if (process.getuid?.() !== 0) this.skip()
    await chmod(dir.path, 0o777)
    const { code, lines } = await run(['--mode', 'netns', '--contenders', 'direct'], {}, NOBODY)
    assert.equal(code, 2)
    assert.deepEqual(lines, ['bench: namespaces need root'])
  })

  it('says why a contender can not be started, and removes what there is', async () => {
    const program = join(dir.path, 'docker-registry')
    await writeFile(program, '#!/bin/sh\necho "configuration error: no such storage" >&2\nexit 1\n', {
      mode: 0o755,
    })
    const path = `${dir.path}:${process.env['PATH'] ?? ''}`
    const { code, lines } = await run(['--contenders', 'pull-through', '--nodes', '1'], { PATH: path })
    assert.equal(code, 2)
    assert.equal(
      lines.at(-1),
      'bench: pull-through could not be started: docker-registry has ended: configuration error: no such storage',
    )
    assert.deepEqual(await runFolders(), [])
  })

  it('removes everything after Ctrl-C, and says so in one line', async () => {
    const { child, folders } = await startPulling()
    assert.notDeepEqual(await leftOf(folders), [])
    const ended = whenEnded(child)
    process.kill(-(child.pid ?? 0), 'SIGINT')
    const { code, lines } = await ended
    assert.equal(code, 2)
    assert.deepEqual(lines, ['bench: stopped; everything that was made has been removed'])
    assert.deepEqual(await leftOf(folders), [])
  })

  it('removes with the next run what a run that was killed has left', async () => {
    const { child, folders } = await startPulling()
    const ended = whenEnded(child)
    child.kill('SIGKILL')
    await ended
    assert.notDeepEqual(await leftOf(folders), [])
    const { lines } = await run(['--replay', join(dir.path, 'nothing.csv')])
    assert.deepEqual(
      lines.slice(0, -1),
      folders.map((folder) => `removed what ${folder} had left behind`),
    )
    assert.match(lines.at(-1) ?? '', /^bench: the recording .* can not be read/)
    assert.deepEqual(await leftOf(folders), [])
  })
})
