import assert from 'node:assert/strict'
import { pinsText } from '../../src/cache/pin-command.ts'
import { startCacheDaemon } from '../support/cache-daemon.ts'
import { PIN, WAITING_PIN } from '../support/cached-images.ts'
import { runCommand } from '../support/run-command.ts'
import { runInProcess } from '../support/run-in-process.ts'

describe('layermesh pin', () => {
  it('pins an image and says what that protects', async () => {
    await using daemon = await startCacheDaemon({ pin: async () => PIN })
    assert.deepEqual(await runCommand(['pin', 'nginx:1.27', ...daemon.flags]), {
      code: 0,
      stdout: 'pinned docker.io/library/nginx:1.27: that protects 120.0 MiB in 12 blobs\n',
      stderr: '',
    })
    assert.deepEqual(daemon.calls, [['pin', 'nginx:1.27']])
  })

  it('says when the image is not here yet', async () => {
    await using daemon = await startCacheDaemon({ pin: async () => WAITING_PIN })
    const { stdout } = await runInProcess(['pin', 'ghcr.io/org/app:2', ...daemon.flags])
    assert.equal(stdout, 'pinned ghcr.io/org/app:2: it is not here yet\n')
  })

  it('lists the pins without an image, which needs no token', async () => {
    await using daemon = await startCacheDaemon({ pins: async () => [PIN, WAITING_PIN] })
    const { code, stdout, stderr } = await runInProcess(['pin', '--admin', daemon.url])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^IMAGE .*\ndocker\.io\/library\/nginx:1\.27 .*\nghcr\.io\/org\/app:2 .*\n$/)
  })

  it('prints JSON with --json', async () => {
    await using daemon = await startCacheDaemon({ pin: async () => PIN, pins: async () => [PIN] })
    const pinned = await runInProcess(['pin', 'nginx', '--json', ...daemon.flags])
    assert.deepEqual(JSON.parse(pinned.stdout), PIN)
    const listed = await runInProcess(['pin', '--json', ...daemon.flags])
    assert.deepEqual(JSON.parse(listed.stdout), [PIN])
  })
})

describe('layermesh unpin', () => {
  it('unpins an image, whatever characters its name has', async () => {
    await using daemon = await startCacheDaemon({ unpin: async () => PIN })
    const image = 'localhost:5000/a+b&c@sha256:0'
    assert.deepEqual(await runInProcess(['unpin', image, ...daemon.flags]), {
      code: 0,
      stdout: 'unpinned docker.io/library/nginx:1.27: 120.0 MiB in 12 blobs can be evicted now\n',
      stderr: '',
    })
    assert.deepEqual(daemon.calls, [['unpin', image]])
    const { stdout } = await runInProcess(['unpin', 'nginx', '--json', ...daemon.flags])
    assert.deepEqual(JSON.parse(stdout), PIN)
  })

  it('fails with one line and the exit code 1 when the image was not pinned', async () => {
    await using daemon = await startCacheDaemon()
    assert.deepEqual(await runInProcess(['unpin', 'nginx', ...daemon.flags]), {
      code: 1,
      stdout: '',
      stderr: 'error: "nginx" is not pinned\n',
    })
  })
})

describe('pinsText', () => {
  it('shows a line for each pin', () => {
    assert.equal(
      pinsText([PIN, WAITING_PIN], Date.parse('2026-01-01T12:00:00Z')),
      `IMAGE                         DIGEST               BLOBS       SIZE    PINNED
docker.io/library/nginx:1.27  sha256:0123456789ab     12  120.0 MiB   1 h ago
ghcr.io/org/app:2             not here yet             0        0 B  30 s ago
`,
    )
  })

  it('says how to pin when nothing is', () => {
    assert.match(pinsText([], 0), /^nothing is pinned: layermesh pin IMAGE [^\n]+\n$/)
  })
})
