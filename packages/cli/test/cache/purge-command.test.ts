import assert from 'node:assert/strict'
import { NameInvalidError, type CacheControl } from '@layermesh/interface'
import { startCacheDaemon } from '../support/cache-daemon.ts'
import { REPORT } from '../support/cached-images.ts'
import { runCommand } from '../support/run-command.ts'
import { runInProcess } from '../support/run-in-process.ts'

const ANSWERS: Partial<CacheControl> = {
  purge: async (_selection, { dryRun }) => ({ ...REPORT, dryRun }),
}

const SELECT = { image: 'nginx:1.26' }
const DRY_RUN = ['purge', SELECT, { dryRun: true }]
const REAL_RUN = ['purge', SELECT, { dryRun: false }]

describe('layermesh purge', () => {
  const selections: readonly (readonly [args: readonly string[], select: object])[] = [
    [['nginx:1.26'], SELECT],
    [['--repository', 'ghcr.io/org/app'], { repository: 'ghcr.io/org/app' }],
    [['--upstream', 'docker.io'], { upstream: 'docker.io' }],
    [['--unused-for', '7d'], { unusedForMs: 7 * 86_400_000 }],
    [['--all'], { all: true }],
  ]
  for (const [args, select] of selections) {
    it(`${args.join(' ')} says what it frees, and frees it`, async () => {
      await using daemon = await startCacheDaemon(ANSWERS)
      const { code, stdout, stderr } = await runInProcess(['purge', ...args, ...daemon.flags])
      assert.equal(code, 0)
      assert.match(stderr, /^would free 3\.0 MiB in 5 blobs, of 1 image\n/)
      assert.match(stdout, /^freed 3\.0 MiB in 5 blobs, of 1 image\n/)
      assert.deepEqual(daemon.calls, [
        ['purge', select, { dryRun: true }],
        ['purge', select, { dryRun: false }],
      ])
    })
  }

  it('goes on without a question where there is no terminal', async () => {
    await using daemon = await startCacheDaemon(ANSWERS)
    const { code, stdout } = await runCommand(['purge', 'nginx:1.26', ...daemon.flags])
    assert.equal(code, 0)
    assert.match(stdout, /^freed /)
  })

  it('only says what it would free with --dry-run', async () => {
    await using daemon = await startCacheDaemon(ANSWERS)
    const args = ['purge', 'nginx:1.26', '--dry-run', ...daemon.flags]
    const { code, stdout, stderr } = await runInProcess(args, { typed: '' })
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^would free /)
    const json = await runInProcess([...args, '--json'])
    assert.deepEqual(JSON.parse(json.stdout), { ...REPORT, dryRun: true })
    assert.deepEqual(daemon.calls, [DRY_RUN, DRY_RUN])
  })

  it('sums several images up, after a dry run of them all', async () => {
    await using daemon = await startCacheDaemon(ANSWERS)
    const { stdout } = await runInProcess(['purge', 'a', 'b', '--json', ...daemon.flags])
    const { blobs, dryRun } = JSON.parse(stdout) as { readonly blobs: number; readonly dryRun: boolean }
    assert.deepEqual([blobs, dryRun], [10, false])
    assert.deepEqual(
      daemon.calls.map(([, select, options]) => [select, options]),
      [true, false].flatMap((dry) => [
        [{ image: 'a' }, { dryRun: dry }],
        [{ image: 'b' }, { dryRun: dry }],
      ]),
    )
  })

  it('purges nothing when one of the names is wrong', async () => {
    await using daemon = await startCacheDaemon({
      async purge(selection, { dryRun }) {
        if ('image' in selection && selection.image === 'B') {
          throw new NameInvalidError('"B" is no repository name')
        }
        return { ...REPORT, dryRun }
      },
    })
    assert.deepEqual(await runInProcess(['purge', 'a', 'B', ...daemon.flags]), {
      code: 2,
      stdout: '',
      stderr: 'error: "B" is no repository name\n',
    })
    assert.ok(daemon.calls.every(([, , options]) => (options as { readonly dryRun: boolean }).dryRun))
  })

  describe('on a terminal', () => {
    for (const typed of ['y\n', 'YES\n', 'yes']) {
      it(`purges after ${JSON.stringify(typed)}`, async () => {
        await using daemon = await startCacheDaemon(ANSWERS)
        const { code, stderr } = await runInProcess(['purge', 'nginx:1.26', ...daemon.flags], { typed })
        assert.equal(code, 0)
        assert.match(stderr, /^would free [^]*purge this\? \[y\/N\] /)
        assert.deepEqual(daemon.calls, [DRY_RUN, REAL_RUN])
      })
    }

    for (const typed of ['n\n', '\n', 'yesterday\n', '', '\u0003', '\u0004']) {
      it(`purges nothing after ${JSON.stringify(typed)}`, async () => {
        await using daemon = await startCacheDaemon(ANSWERS)
        const args = ['purge', 'nginx:1.26', ...daemon.flags]
        const { code, stdout, stderr } = await runInProcess(args, { typed })
        assert.deepEqual([code, stdout], [1, ''])
        assert.match(stderr, /error: nothing was purged\n$/)
        assert.deepEqual(daemon.calls, [DRY_RUN])
      })
    }

    it('does not ask with --yes', async () => {
      await using daemon = await startCacheDaemon(ANSWERS)
      const args = ['purge', 'nginx:1.26', '--yes', ...daemon.flags]
      const { code, stderr } = await runInProcess(args, { typed: '' })
      assert.equal(code, 0)
      assert.doesNotMatch(stderr, /\?/)
      assert.deepEqual(daemon.calls, [DRY_RUN, REAL_RUN])
    })

    it('does not ask when there is nothing to free', async () => {
      await using daemon = await startCacheDaemon()
      const { code, stderr } = await runInProcess(['purge', '--all', ...daemon.flags], { typed: '' })
      assert.deepEqual([code, stderr], [0, 'there is nothing to free\n'])
    })
  })
})
