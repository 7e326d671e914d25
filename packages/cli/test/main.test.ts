import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdmin, type Admin } from '@layermesh/admin'
import { silentLog, type PeerStatus } from '@layermesh/interface'
import { scriptedCacheControl } from '@layermesh/testkit'
import { runCommand } from './support/run-command.ts'
import { PEERS, STATUS } from './support/statuses.ts'

describe('layermesh', () => {
  describe('--version', () => {
    it('prints the version', async () => {
      assert.deepEqual(await runCommand(['--version']), { code: 0, stdout: '0.1.0\n', stderr: '' })
    })
  })

  describe('--help', () => {
    for (const command of [
      [],
      ...['serve', 'status', 'peers', 'images', 'pin', 'unpin', 'purge', 'verify', 'demo'].map((name) => [
        name,
      ]),
    ]) {
      it(`explains ${['layermesh', ...command].join(' ')} with examples`, async () => {
        const { code, stdout, stderr } = await runCommand([...command, '--help'])
        assert.deepEqual([code, stderr], [0, ''])
        assert.match(stdout, /^Examples:\n {2}layermesh /m)
      })
    }
  })

  describe('wrong usage', () => {
    const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
      [['serv'], /unknown command 'serv' \(Did you mean serve\?\)/],
      [['serve', '--sett', 'x'], /unknown option '--sett' \(Did you mean --set\?\)/],
      [['serve', 'now'], /too many arguments/],
      [['serve', '--config'], /'--config <file>' argument missing/],
      [
        ['serve', '--config', '/nonexistent/layermesh.yaml'],
        /"\/nonexistent\/layermesh\.yaml" can not be read/,
      ],
      [['serve', '--set', 'log.level=loud'], /log\.level = "loud" .*: expected one of error, warn/],
      [['serve', '--set', 'log.levle=info'], /did you mean log\.level\?/],
      [['status', '--admin', '127.0.0.1:5001'], /Expected a URL such as http:/],
      [['unpin'], /missing required argument 'image'/],
      [['verify', 'a', 'b'], /too many arguments/],
      [['verify', 'a', '--all'], /give one of them/],
      [['purge'], /name images, or give --repository/],
      [['purge', 'nginx', '--upstream', 'docker.io'], /give one of them/],
      [['purge', '--unused-for', '7'], /Expected a duration .* such as 500ms/],
      [['peers', '--set', 'admin.listen=5001'], /admin\.listen = 5001 .*: expected host:port/],
    ]
    for (const [args, message] of cases) {
      it(`of ${args.join(' ')} is told in one line, with the exit code 2`, async () => {
        const { code, stdout, stderr } = await runCommand(args)
        assert.deepEqual([code, stdout], [2, ''])
        assert.match(stderr, /^error: [^\n]+\n$/)
        assert.match(stderr, message)
      })
    }

    it('of the environment is told in one line, with the exit code 2', async () => {
      const { code, stderr } = await runCommand(['status'], { LAYERMESH_LOG_LEVLE: 'info' })
      assert.equal(code, 2)
      assert.equal(
        stderr,
        'error: LAYERMESH_LOG_LEVLE (from the environment) is not a setting: did you mean LAYERMESH_LOG_LEVEL?\n',
      )
    })

    it('without a command prints the help, with the exit code 2', async () => {
      const { code, stderr } = await runCommand([])
      assert.equal(code, 2)
      assert.match(stderr, /^Usage: layermesh/)
    })
  })

  describe('status and peers', () => {
    let admin: Admin
    let peers: readonly PeerStatus[] = []

    before(async () => {
      admin = createAdmin(
        {
          log: silentLog,
          cache: scriptedCacheControl(),
          metricsText: async () => ({ contentType: 'text/plain', body: '' }),
          status: async () => STATUS,
          peers: async () => peers,
          readiness: () => ({}),
        },
        { listen: { host: '127.0.0.1', port: 0 }, token: 'a-token-of-16-letters' },
      )
      await admin.start()
    })

    beforeEach(() => {
      peers = PEERS
    })

    after(() => admin.stop())

    it('print what the daemon of the configuration says', async () => {
      const { code, stdout, stderr } = await runCommand([
        'status',
        '--set',
        `admin.listen=${admin.address()}`,
      ])
      assert.deepEqual([code, stderr], [0, ''])
      assert.match(stdout, /^node +edge-7, layermesh 0\.1\.0$/m)
    })

    it('print what the daemon of --admin says', async () => {
      const { code, stdout } = await runCommand(['peers', '--admin', `http://${admin.address()}/`])
      assert.equal(code, 0)
      assert.match(stdout, /^edge-8 .*\ncore-1 /m)
    })

    it('find the daemon that the environment names', async () => {
      const { stdout } = await runCommand(['peers'], { LAYERMESH_ADMIN_LISTEN: admin.address() })
      assert.match(stdout, /^edge-8 /m)
    })

    it('print JSON with --json', async () => {
      const url = `http://${admin.address()}`
      const status = await runCommand(['status', '--json', '--admin', url])
      assert.deepEqual(JSON.parse(status.stdout), STATUS)
      const listed = await runCommand(['peers', '--json', '--admin', url])
      assert.deepEqual(JSON.parse(listed.stdout), PEERS)
    })

    it('print an empty list as such with --json, and in words without', async () => {
      peers = []
      const url = `http://${admin.address()}`
      assert.equal((await runCommand(['peers', '--json', '--admin', url])).stdout, '[]\n')
      assert.match((await runCommand(['peers', '--admin', url])).stdout, /^no peers yet: /)
    })

    it('say that the port is not known when the system chose it', async () => {
      const { code, stderr } = await runCommand(['status', '--set', 'admin.listen=127.0.0.1:0'])
      assert.equal(code, 1)
      assert.match(stderr, /^error: admin\.listen leaves the port to the system: .* --admin URL\n$/)
    })
  })

  describe('status without a daemon', () => {
    let other: Server
    let url: string
    let reply: (status: number, text: string, headers?: Readonly<Record<string, string>>) => void

    before(async () => {
      let answer = { status: 200, text: '', headers: {} }
      reply = (status, text, headers = {}) => void (answer = { status, text, headers })
      other = createServer((_request, response) =>
        response.writeHead(answer.status, answer.headers).end(answer.text),
      )
      await once(other.listen(0, '127.0.0.1'), 'listening')
      url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    })

    after(() => other.close())

    it('says that something else answers, by its status', async () => {
      reply(404, 'not here')
      const { code, stderr } = await runCommand(['status', '--admin', url])
      assert.equal(code, 1)
      assert.equal(
        stderr,
        `error: what answers at ${url} is not a layermesh daemon: it answers with the status 404\n`,
      )
    })

    it('says that something else answers, by its text', async () => {
      reply(200, '<html>')
      const { code, stderr } = await runCommand(['status', '--admin', url])
      assert.equal(code, 1)
      assert.match(stderr, /is not a layermesh daemon: its answer is not JSON\n$/)
    })

    it('says that it broke off, when its answer is not whole', async () => {
      other.once('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
        response.on('finish', () => socket.destroy())
      })
      reply(200, '{', { 'content-length': '100' })
      const { code, stderr } = await runCommand(['status', '--admin', url])
      assert.deepEqual([code, stderr], [1, `error: the daemon at ${url} broke off; its log says why\n`])
    })

    it('says how to start one, when nothing answers', async () => {
      await new Promise((resolve) => other.close(resolve))
      const { code, stdout, stderr } = await runCommand(['status', '--json', '--admin', url])
      assert.deepEqual([code, stdout], [1, ''])
      assert.equal(
        stderr,
        `error: no daemon answers at ${url} (ECONNREFUSED); start one with: layermesh serve\n`,
      )
    })
  })
})
