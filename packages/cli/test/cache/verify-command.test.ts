import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { CacheControl, VerifyProgress } from '@layermesh/interface'
import { startCacheDaemon } from '../support/cache-daemon.ts'
import { runCommand, startCommand } from '../support/run-command.ts'
import { runInProcess } from '../support/run-in-process.ts'

const DAMAGED = `sha256:${'0'.repeat(64)}`

function progress(blobs: number, damaged: readonly string[] = []): VerifyProgress {
  const [bytes, totalBytes] = [blobs * 2 ** 20, 2 * 2 ** 20]
  return { done: blobs === 2, blobs, bytes, totalBlobs: 2, totalBytes, damaged }
}

function verifyWith(...steps: readonly VerifyProgress[]): Partial<CacheControl> {
  return {
    async *verify() {
      yield* steps
    },
  }
}

describe('layermesh verify', () => {
  it('verifies everything, and says how much that was', async () => {
    await using daemon = await startCacheDaemon(verifyWith(progress(0), progress(1), progress(2)))
    assert.deepEqual(await runCommand(['verify', ...daemon.flags]), {
      code: 0,
      stdout: 'verified 2.0 MiB in 2 blobs: all as it has to be\n',
      stderr: '',
    })
    assert.deepEqual(daemon.calls, [['verify', { all: true }]])
  })

  const selections: readonly (readonly [args: readonly string[], select: object])[] = [
    [['nginx:1.27'], { image: 'nginx:1.27' }],
    [['--repository', 'ghcr.io/org/app'], { repository: 'ghcr.io/org/app' }],
    [['--upstream', 'docker.io'], { upstream: 'docker.io' }],
    [['--all'], { all: true }],
  ]
  for (const [args, select] of selections) {
    it(`${args.join(' ')} verifies what was selected`, async () => {
      await using daemon = await startCacheDaemon(verifyWith(progress(2)))
      assert.equal((await runInProcess(['verify', ...args, ...daemon.flags])).code, 0)
      assert.deepEqual(daemon.calls, [['verify', select]])
    })
  }

  it('prints the digests of what was damaged, with the exit code 1', async () => {
    await using daemon = await startCacheDaemon(verifyWith(progress(1), progress(2, [DAMAGED])))
    const stderr = 'error: 1 of 2 blobs were damaged: they are in quarantine and are fetched again\n'
    assert.deepEqual(await runInProcess(['verify', ...daemon.flags]), {
      code: 1,
      stdout: `${DAMAGED}\n`,
      stderr,
    })
    const json = await runInProcess(['verify', '--json', ...daemon.flags])
    assert.deepEqual([json.code, JSON.parse(json.stdout), json.stderr], [1, progress(2, [DAMAGED]), stderr])
  })

  it('shows on a terminal how far it is', async () => {
    await using daemon = await startCacheDaemon(verifyWith(progress(1), progress(2)))
    const { code, stdout, stderr } = await runInProcess(['verify', ...daemon.flags], { typed: '' })
    assert.deepEqual([code, stdout], [0, 'verified 2.0 MiB in 2 blobs: all as it has to be\n'])
    assert.match(stderr, /verifying/)
  })

  it('fails with one line when the daemon ends it too early', async () => {
    await using daemon = await startCacheDaemon(verifyWith(progress(1)))
    const { code, stdout, stderr } = await runInProcess(['verify', ...daemon.flags])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^error: the daemon ended the verification before it was done; [^\n]+\n$/)
  })

  it('fails with one line when the daemon breaks it off', async () => {
    await using daemon = await startCacheDaemon({
      async *verify() {
        yield progress(1)
        throw new Error('the disk is on fire')
      },
    })
    const { code, stdout, stderr } = await runInProcess(['verify', ...daemon.flags])
    assert.deepEqual([code, stdout], [1, ''])
    assert.equal(stderr, `error: the daemon at ${daemon.url} broke off; its log says why\n`)
  })

  it('is aborted at the daemon by Ctrl-C', async () => {
    const begun = Promise.withResolvers<undefined>()
    const aborted = Promise.withResolvers<undefined>()
    await using daemon = await startCacheDaemon({
      async *verify(_selection, { signal }) {
        signal.addEventListener('abort', () => aborted.resolve(undefined))
        yield progress(1)
        begun.resolve(undefined)
        await aborted.promise
      },
    })
    const child = startCommand(['verify', ...daemon.flags])
    const exited = once(child, 'exit')
    await begun.promise
    child.kill('SIGINT')
    await Promise.all([aborted.promise, exited])
  })
})
