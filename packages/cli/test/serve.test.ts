import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { NodeStatus } from '@layermesh/interface'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { request } from 'undici'
import { runCommand, startCommand } from './support/run-command.ts'

/** A daemon that has said where it listens. */
interface Daemon {
  readonly child: ChildProcess
  readonly mirror: string
  readonly admin: string
  readonly greeting: readonly string[]
  readonly stdout: Promise<string>
}

describe('layermesh serve', () => {
  let dir: TempDir
  const running = new Set<ChildProcess>()

  beforeEach(async () => {
    dir = await createTempDir()
  })

  afterEach(async () => {
    for (const child of running) child.kill('SIGKILL')
    running.clear()
    await dir[Symbol.asyncDispose]()
  })

  /** Settings that collide with nothing on this machine. */
  function isolated(...more: readonly string[]): readonly string[] {
    const settings = [
      `node.dataDir=${join(dir.path, 'data')}`,
      'mirror.listen=["127.0.0.1:0"]',
      'admin.listen=127.0.0.1:0',
      'mesh.listen=[/ip4/127.0.0.1/tcp/0]',
      'mesh.mdns=false',
      ...more,
    ]
    return ['serve', ...settings.flatMap((setting) => ['--set', setting])]
  }

  async function startDaemon(): Promise<Daemon> {
    const child = startCommand(isolated('node.name=edge-7'))
    running.add(child)
    const stdout = text(child.stdout)
    const greeting: string[] = []
    for await (const line of createInterface({ input: child.stderr })) {
      greeting.push(line)
      if (line.startsWith('Podman')) break
    }
    const urlOf = (name: string) => greeting.find((line) => line.startsWith(name))?.split(/\s+/)[1] ?? ''
    assert.notEqual(urlOf('mirror'), '', greeting.join('\n'))
    return { child, greeting, stdout, mirror: urlOf('mirror'), admin: urlOf('admin') }
  }

  async function stopWith({ child }: Daemon, ...signals: readonly NodeJS.Signals[]): Promise<number | null> {
    const exited = once(child, 'exit') as Promise<[number | null]>
    for (const signal of signals) child.kill(signal)
    const [code] = await exited
    running.delete(child)
    return code
  }

  it('says where it listens and how each runtime is pointed at it, and serves there', async () => {
    const daemon = await startDaemon()
    for (const runtime of ['Docker', 'containerd', 'Podman']) {
      const hint = daemon.greeting.find((line) => line.startsWith(runtime))
      assert.ok(hint?.includes(new URL(daemon.mirror).host), runtime)
    }
    for (const url of [`${daemon.mirror}/v2/`, `${daemon.admin}/healthz`, `${daemon.admin}/readyz`]) {
      const { statusCode, body } = await request(url)
      await body.dump()
      assert.equal(statusCode, 200, url)
    }
    assert.equal(await stopWith(daemon, 'SIGTERM'), 0)
  })

  it('answers the commands that ask a daemon', async () => {
    const daemon = await startDaemon()
    const status = await runCommand(['status', '--json', '--admin', daemon.admin])
    const { node, mesh } = JSON.parse(status.stdout) as NodeStatus
    assert.deepEqual([node.name, mesh.members], ['edge-7', 0])
    const peers = await runCommand(['peers', '--admin', daemon.admin])
    assert.match(peers.stdout, /^no peers yet/)
    assert.equal(await stopWith(daemon, 'SIGINT'), 0)
  })

  it('writes nothing but JSON lines to a standard output that is no terminal', async () => {
    const daemon = await startDaemon()
    assert.equal(await stopWith(daemon, 'SIGTERM'), 0)
    const lines = (await daemon.stdout).trim().split('\n')
    assert.ok(lines.length > 0)
    for (const line of lines) assert.doesNotThrow(() => JSON.parse(line) as unknown, line)
  })

  it('stops cleanly at a Ctrl-C that npm passes on a second time', async () => {
    assert.equal(await stopWith(await startDaemon(), 'SIGINT', 'SIGINT'), 0)
  })

  it('can be started again with the same data folder', async () => {
    assert.equal(await stopWith(await startDaemon(), 'SIGTERM'), 0)
    assert.equal(await stopWith(await startDaemon(), 'SIGTERM'), 0)
  })

  describe('fails with one line and the exit code 1', () => {
    async function failure(...settings: readonly string[]): Promise<string> {
      const { code, stderr } = await runCommand(isolated(...settings))
      assert.equal(code, 1, stderr)
      assert.match(stderr, /^error: (?!unexpected)[^\n]+\n$/)
      return stderr
    }

    for (const setting of ['mirror.listen', 'admin.listen', 'mesh.listen']) {
      it(`when the port of ${setting} is taken`, async () => {
        await using other = createServer().listen(0, '127.0.0.1')
        await once(other, 'listening')
        const { port } = other.address() as AddressInfo
        const values: Readonly<Record<string, string>> = {
          'mirror.listen': `["127.0.0.1:${port}"]`,
          'admin.listen': `127.0.0.1:${port}`,
          'mesh.listen': `[/ip4/127.0.0.1/tcp/${port}]`,
        }
        const stderr = await failure(`${setting}=${values[setting] ?? ''}`)
        assert.match(stderr, new RegExp(String(port)))
      })
    }

    it('when the data folder can not be written', async () => {
      const file = join(dir.path, 'file')
      await writeFile(file, '')
      assert.match(await failure(`node.dataDir=${file}`), new RegExp(file))
    })

    it('when another daemon uses the data folder', async () => {
      const daemon = await startDaemon()
      assert.match(await failure(), new RegExp(join(dir.path, 'data')))
      assert.equal(await stopWith(daemon, 'SIGTERM'), 0)
    })
  })
  // Each test starts one or two daemons, which takes seconds where the machine is busy.
}).timeout(120_000)
