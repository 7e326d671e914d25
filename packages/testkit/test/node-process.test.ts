import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createTempDir, spawnNode, type TempDir } from '@layermesh/testkit'
import { until } from '../src/until.ts'

const STUB = fileURLToPath(new URL('support/stub-node.ts', import.meta.url))
const CONFIG = { node: { name: 'stub' }, mesh: { bootstrap: [] } }

describe('spawnNode', () => {
  let temp: TempDir

  beforeEach(async () => {
    temp = await createTempDir()
  })

  afterEach(async () => {
    await temp[Symbol.asyncDispose]()
  })

  it('resolves once the node serves, with what its log says', async () => {
    await using node = await spawnNode({
      command: [process.execPath, STUB],
      dir: temp.path,
      config: CONFIG,
    })
    assert.equal(node.peerId, 'peer-stub')
    assert.match(node.meshAddresses[0]!, /^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/peer-stub$/)
    assert.match(node.mirrorUrl, /^http:\/\/127\.0\.0\.1:\d+$/)
    assert.deepEqual(
      node.log.map(({ msg }) => msg),
      ['environment read', 'node started'],
    )
    assert.deepEqual(await node.peers(), [])
  })

  it('keeps settings in the environment from the node', async () => {
    process.env['LAYERMESH_NODE_NAME'] = 'another'
    try {
      const options = { command: [process.execPath, STUB], dir: temp.path, config: CONFIG }
      await using node = await spawnNode(options)
      const { settings } = await node.waitForLog(({ msg }) => msg === 'environment read')
      assert.deepEqual(settings, [])
    } finally {
      delete process.env['LAYERMESH_NODE_NAME']
    }
  })

  it('rejects with what the node wrote when it ends instead', async () => {
    const command = [process.execPath, '-e', 'console.error("no such setting"); process.exit(2)', '--']
    await assert.rejects(
      spawnNode({ command, dir: temp.path, config: CONFIG }),
      /^Error: the node has ended: no such setting$/,
    )
  })

  it('rejects when there is no such program', async () => {
    const command = [`${temp.path}/missing`]
    await assert.rejects(
      spawnNode({ command, dir: temp.path, config: CONFIG }),
      /the node has ended: .*ENOENT/,
    )
  })

  it('rejects with the reason of an abort, and leaves no process', async () => {
    const reason = new Error('enough')
    const pidFile = join(temp.path, 'pid')
    const program = `fs.writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); setInterval(() => {}, 1000)`
    const options = { command: [process.execPath, '-e', program, '--'], dir: temp.path, config: CONFIG }
    await assert.rejects(
      spawnNode({ ...options, signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    )
    const controller = new AbortController()
    const start = spawnNode({ ...options, signal: controller.signal })
    const pidText = () => readFile(pidFile, 'utf8').catch(() => '')
    await until(async () => (await pidText()) !== '')
    controller.abort(reason)
    await assert.rejects(start, (error) => error === reason)
    const pid = Number(await pidText())
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  })

  describe('stop', () => {
    it('resolves with the exit code, or null when a signal ended the node, also when called again', async () => {
      const options = { command: [process.execPath, STUB], dir: temp.path, config: CONFIG }
      const node = await spawnNode(options)
      assert.equal(await node.stop(), 0)
      assert.equal(await node.stop(), 0)
      await assert.rejects(
        node.waitForLog(({ msg }) => msg === 'never'),
        /the node has ended/,
      )
      const killed = await spawnNode(options)
      assert.equal(await killed.stop('SIGKILL'), null)
    })
  })
})
