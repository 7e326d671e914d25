import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import type { DemoReport } from '../../src/demo/demo-report.ts'
import { runCommand, startCommand } from '../support/run-command.ts'
import { processesWith } from './support/processes-with.ts'

const MiB = 1024 * 1024

describe('layermesh demo', function () {
  // Seconds on a machine with nothing else to do, which a machine that runs tests is not.
  this.timeout(300_000)

  let temp: TempDir

  beforeEach(async () => {
    temp = await createTempDir()
  })

  afterEach(async () => {
    assert.deepEqual(await readdir(temp.path), [])
    assert.deepEqual(await processesWith(`TMPDIR=${temp.path}`), [])
    await temp[Symbol.asyncDispose]()
  })

  describe('with --json', () => {
    let report: DemoReport

    it('prints nothing but the report on standard output, and its steps on standard error', async () => {
      const args = ['demo', '--nodes', '3', '--size', '4', '--json']
      const { code, stderr, stdout } = await runCommand(args, { TMPDIR: temp.path })
      assert.equal(code, 0, stderr)
      report = JSON.parse(stdout) as DemoReport
      assert.deepEqual([report.nodes, report.sizeBytes], [3, 4 * MiB])
      assert.match(stderr, /^(.+ \.\.\. \d+\.\d s\n){6}$/)
    })

    it('shows that the registry sent every byte once, and none when it was stopped', () => {
      assert.deepEqual(
        report.phases.map(({ name, pulls, upstreamPerUnique }) => [name, pulls, upstreamPerUnique]),
        [
          ['cold start', 3, 1],
          ['roll-out', 3, 1],
          ['registry stopped', 1, 0],
        ],
      )
    })

    it('shows that one copy was carried between the sites', () => {
      assert.deepEqual(
        report.phases.map(({ fetchedBytes, uniqueBytes }) => fetchedBytes.region / uniqueBytes),
        [1, 1, 0],
      )
    })

    it('agrees with what the nodes say that they have served', () => {
      for (const { deliveredBytes, pulls, servedBytes, uniqueBytes } of report.phases) {
        assert.equal(
          Object.values(servedBytes).reduce((sum, bytes) => sum + bytes, 0),
          deliveredBytes,
        )
        assert.equal(deliveredBytes, pulls * uniqueBytes)
      }
    })
  })

  it('stops at once when it is told to, with one line', async () => {
    const child = startCommand(['demo', '--nodes', '2', '--size', '1'], { TMPDIR: temp.path })
    const stdout = text(child.stdout)
    let stderr = ''
    for await (const chunk of child.stderr) {
      stderr += String(chunk)
      // By then the first node is being started.
      if (stderr.includes('starting 2 nodes') && !child.killed) child.kill('SIGINT')
    }
    const [code] = child.exitCode === null ? ((await once(child, 'exit')) as [number]) : [child.exitCode]
    assert.equal(code, 1)
    assert.match(stderr, /\.\.\. failed\nerror: the demo was stopped before its end\n$/)
    assert.equal(await stdout, '')
  })

  for (const [option, values] of Object.entries({
    '--nodes': ['1', '21', '2.5', 'five', ''],
    '--size': ['0', '2049', '1e3', '-4'],
  })) {
    for (const value of values) {
      it(`refuses ${option} "${value}" in one line that says what is allowed, with the exit code 2`, async () => {
        const { code, stderr, stdout } = await runCommand(['demo', `${option}=${value}`], {
          TMPDIR: temp.path,
        })
        assert.deepEqual([code, stdout], [2, ''])
        assert.match(stderr, /^error: option '--[^\n]* Expected a whole number, \d+ to \d+\.\n$/)
      })
    }
  }
})
