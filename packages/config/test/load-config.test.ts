import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigInvalidError } from '@layermesh/interface'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { loadConfig, type ConfigSources } from '../src/index.ts'

const NOTHING: ConfigSources = { env: {}, set: [] }

async function messageOf(sources: Partial<ConfigSources>): Promise<string> {
  try {
    await loadConfig({ ...NOTHING, ...sources })
  } catch (error) {
    assert.ok(error instanceof ConfigInvalidError)
    assert.equal(error.code, 'ERR_CONFIG_INVALID')
    assert.doesNotMatch(error.message, /\n/)
    return error.message
  }
  assert.fail('the configuration was accepted')
}

/** What an upstream has of which nothing is said. */
const UNSET = {
  listen: [],
  servedAs: [],
  mirrors: [],
  credentials: {
    username: undefined,
    passwordFile: undefined,
    pullSecret: undefined,
    dockerConfig: undefined,
    certFile: undefined,
    keyFile: undefined,
    realms: [],
    clients: 'loopback',
  },
  privateHosts: [],
  proxy: undefined,
  caFile: undefined,
}

describe('loadConfig', () => {
  let dir: TempDir

  before(async () => {
    dir = await createTempDir()
  })

  after(async () => dir[Symbol.asyncDispose]())

  async function fileWith(text: string): Promise<string> {
    const file = join(dir.path, 'layermesh.yaml')
    await writeFile(file, text)
    return file
  }

  describe('defaults', () => {
    it('make a node that runs without any configuration', async () => {
      const config = await loadConfig(NOTHING)
      assert.deepEqual(config.mirror, {
        listen: [{ host: '127.0.0.1', port: 5000 }],
        defaultUpstream: 'docker.io',
        rateLimits: 'tell',
        tls: { listen: [], certFile: undefined, keyFile: undefined },
      })
      assert.deepEqual(config.otherUpstreams, { allow: false, tags: config.upstreams[0]?.tags })
      assert.deepEqual(config.admin.listen, { host: '127.0.0.1', port: 5001 })
      assert.deepEqual(config.mesh, {
        listen: ['/ip4/0.0.0.0/tcp/4001'],
        announce: [],
        allow: [],
        bootstrap: [],
        dns: [],
        mdns: true,
        secretFile: undefined,
        inboundConnectionsPerSecond: 50,
        stallTimeoutMs: { site: 500, beyond: 2000 },
      })
      assert.deepEqual(config.sources, ['site', 'region', 'world', 'upstream'])
    })

    it('have the well-known registries, with endpoints and units', async () => {
      const { upstreams } = await loadConfig(NOTHING)
      assert.deepEqual(upstreams[0], {
        host: 'docker.io',
        aliases: ['hub'],
        endpoints: ['https://registry-1.docker.io'],
        ...UNSET,
        tags: { revalidateAfterMs: 60_000, serveStaleForMs: 604_800_000, immutable: [] },
      })
      const ghcr = upstreams.find(({ host }) => host === 'ghcr.io')
      assert.deepEqual(ghcr?.endpoints, ['https://ghcr.io'])
    })

    it('put the admin token into the data folder, wherever that is', async () => {
      const tokenFileWith = async (...set: readonly string[]) =>
        (await loadConfig({ ...NOTHING, set })).admin.tokenFile
      const { node, admin } = await loadConfig(NOTHING)
      assert.equal(admin.tokenFile, join(node.dataDir, 'admin.token'))
      assert.equal(await tokenFileWith('node.dataDir=/srv/cache'), '/srv/cache/admin.token')
      assert.equal(await tokenFileWith('node.dataDir=data'), join(process.cwd(), 'data/admin.token'))
      assert.equal(await tokenFileWith('node.dataDir=/srv', 'admin.tokenFile=/run/token'), '/run/token')
    })

    it('are frozen at every depth', async () => {
      const { upstreams } = await loadConfig(NOTHING)
      assert.throws(() => (upstreams[0]!.aliases as string[]).push('x'), TypeError)
    })
  })

  describe('layers', () => {
    it('lie over each other: file, environment, flags', async () => {
      const file = await fileWith('locality: { region: file, site: file }\nlog: { level: error }\n')
      const config = await loadConfig({
        file,
        env: { LAYERMESH_LOCALITY_SITE: 'env', LAYERMESH_LOG_LEVEL: 'warn' },
        set: ['log.level=debug', 'log.level=trace'],
      })
      assert.deepEqual(config.locality, { region: 'file', site: 'env' })
      assert.equal(config.log.level, 'trace')
    })

    it('replace lists', async () => {
      const file = await fileWith('sources: [site, upstream]')
      const config = await loadConfig({ file, env: {}, set: ['sources=[upstream]'] })
      assert.deepEqual(config.sources, ['upstream'])
    })

    it('add upstreams, and change the members that they name of one that is there', async () => {
      const file = await fileWith(`
        upstreams:
          - { host: docker.io, tags: { revalidateAfter: 5m } }
          - { host: "registry.example.com:5000", aliases: [internal] }
      `)
      const set = ['upstreams=[{host: docker.io, endpoints: ["http://127.0.0.1:5010"]}]']
      const { upstreams } = await loadConfig({ file, env: {}, set })
      assert.deepEqual(upstreams[0], {
        host: 'docker.io',
        aliases: ['hub'],
        endpoints: ['http://127.0.0.1:5010'],
        ...UNSET,
        tags: { revalidateAfterMs: 300_000, serveStaleForMs: 604_800_000, immutable: [] },
      })
      assert.deepEqual(upstreams.at(-1), {
        host: 'registry.example.com:5000',
        aliases: ['internal'],
        endpoints: ['https://registry.example.com:5000'],
        ...UNSET,
        tags: { revalidateAfterMs: 60_000, serveStaleForMs: 604_800_000, immutable: [] },
      })
    })

    it('lay the members of credentials over each other', async () => {
      const file = await fileWith(
        'upstreams: [{ host: a.io, credentials: { username: u, passwordFile: /p } }]',
      )
      const set = ['upstreams=[{host: a.io, credentials: {passwordFile: /q}}]']
      const { upstreams } = await loadConfig({ file, env: {}, set })
      const { username, passwordFile } = upstreams.at(-1)!.credentials
      assert.deepEqual([username, passwordFile], ['u', '/q'])
    })

    it('leave the default where a key has no value', async () => {
      const file = await fileWith('mesh:\n  # all commented out\nlog:\n  level:\n')
      const config = await loadConfig({ file, env: { LAYERMESH_NODE_NAME: '' }, set: ['mesh.secretFile='] })
      assert.equal(config.log.level, 'info')
      assert.equal(config.mesh.secretFile, undefined)
    })

    it('may be an empty file', async () => {
      const config = await loadConfig({ ...NOTHING, file: await fileWith('') })
      assert.equal(config.log.level, 'info')
    })
  })

  describe('errors', () => {
    const cases: readonly (readonly [set: string, message: RegExp])[] = [
      ['log.level=loud', /^log\.level = "loud" \(from --set log\.level\): expected one of error, warn, info/],
      [
        'mirror.listen=127.0.0.1:5000',
        /^mirror\.listen = "127\.0\.0\.1:5000" .*: expected a list like \[a, b\]/,
      ],
      ['mirror.listen=[5000]', /^mirror\.listen\[0\] = 5000 .*: expected host:port/],
      ['mirror.listen=[]', /^mirror\.listen = \[\] .*: expected a list .*not empty/],
      ['mesh.mdns=yes', /^mesh\.mdns = "yes" .*: expected true or false/],
      ['mesh.inboundConnectionsPerSecond=0', /= 0 .*: expected a whole number from 1 to 100000$/],
      [
        'mesh.stallTimeout.site=0s',
        /^mesh\.stallTimeout\.site = "0s" .*: expected a duration from 1ms to 1h/,
      ],
      ['locality.site=12', /^locality\.site = 12 .*in quotes/],
      ['sources=[site, site]', /^sources = \["site","site"\] .*without duplicates/],
      ['sources=[lan]', /^sources\[0\] = "lan" .*: expected one of site, region, world, upstream$/],
      ['upstreams=[{aliases: [a]}]', /^upstreams\[0\]\.host = nothing .*: expected a host/],
      ['upstreams=[{host: a.io, url: x}]', /^upstreams\[0\]\.url .* is not a setting: expected one of/],
      ['upstreams=[{host: a.io, endpoint: x}]', /did you mean upstreams\[0\]\.endpoints\?$/],
      ['upstreams=[{host: a.io, aliases: [hub]}]', /"hub" names both docker\.io and a\.io/],
      [
        'upstreams=[{host: a.io, credentials: {username: u}}]',
        /^upstreams: credentials of a\.io have no passwordFile: expected username and passwordFile together$/,
      ],
      [
        'upstreams=[{host: a.io, credentials: {keyFile: /k}}]',
        /^upstreams: credentials of a\.io have no certFile: expected certFile and keyFile together$/,
      ],
      [
        'upstreams=[{host: a.io, endpoints: [http://a.io], credentials: {certFile: /c, keyFile: /k}}]',
        /^upstreams: credentials of a\.io have a certFile, but it has no endpoint of https: expected one to show it to$/,
      ],
      ['mirror.defaultUpstream=a.io', /^mirror\.defaultUpstream = "a\.io": expected the host of an entry/],
      ['admin.listen=127.0.0.1:5000', /^admin\.listen = "127\.0\.0\.1:5000": .*not in mirror\.listen$/],
      [
        'mirror.tls.listen=[127.0.0.1:5000]',
        /^mirror\.tls\.listen = "127\.0\.0\.1:5000": .*not in mirror\.listen$/,
      ],
      [
        'upstreams=[{host: quay.io, listen: ["127.0.0.1:5001"]}]',
        /^admin\.listen = "127\.0\.0\.1:5001": .*not in upstreams: listen of quay\.io$/,
      ],
      [
        'mirror.tls.listen=[127.0.0.1:5443]',
        /^mirror\.tls has no certFile: expected listen, certFile and keyFile/,
      ],
      ['mirror.tls.certFile=/c.pem', /^mirror\.tls has no listen: expected/],
      [
        'upstreams=[{host: a.io, servedAs: [x.local]}, {host: b.io, servedAs: [x.local]}]',
        /^upstreams: "x\.local" names both a\.io and b\.io: expected each of servedAs once$/,
      ],
      [
        'upstreams=[{host: a.io, servedAs: [X.local]}]',
        /^upstreams\[0\]\.servedAs\[0\] = "X\.local" .*lower case/,
      ],
      ['otherUpstreams.allow=sure', /^otherUpstreams\.allow = "sure" .*: expected true or false$/],
      ['mirror.rateLimits=never', /^mirror\.rateLimits = "never" .*: expected one of tell, hide$/],
      ['log.level=[a', /^--set log\.level is not YAML: /],
      ['log.level=*missing', /^--set log\.level is not YAML: Unresolved alias/],
      ['log.level=!odd info', /^--set log\.level is not YAML: Unresolved tag/],
      ['log.levle=info', /^log\.levle \(from --set\) is not a setting: did you mean log\.level\?$/],
      ['mesh={}', /^mesh \(from --set\) is not a setting: expected one of .*mesh\.listen/],
      ['__proto__.polluted=1', /is not a setting/],
      ['log.level', /^--set "log\.level": expected key=value/],
    ]
    for (const [flag, message] of cases) {
      it(`name key, value and what is allowed for --set ${flag}`, async () => {
        assert.match(await messageOf({ set: [flag] }), message)
      })
    }

    it('name the variable that a value came from', async () => {
      assert.match(
        await messageOf({ env: { LAYERMESH_LOG_LEVEL: 'loud' } }),
        /^log\.level = "loud" \(from LAYERMESH_LOG_LEVEL\): expected one of/,
      )
    })

    it('suggest a variable, and keep the value of an unknown one to themselves', async () => {
      const message = await messageOf({ env: { LAYERMESH_LOG_LEVLE: 'hunter2' } })
      assert.match(message, /^LAYERMESH_LOG_LEVLE .* did you mean LAYERMESH_LOG_LEVEL\?$/)
      assert.doesNotMatch(message, /hunter2/)
    })

    it('name the file that a value came from', async () => {
      const file = await fileWith('mirror: { lisen: 5 }')
      const message = await messageOf({ file })
      assert.equal(message, `mirror.lisen (from ${file}) is not a setting: did you mean mirror.listen?`)
    })

    it('show where a file stops to be YAML', async () => {
      const file = await fileWith('log:\n  level: info\n  level: warn\n')
      assert.equal(
        await messageOf({ file }),
        `${file} is not YAML: Map keys must be unique at line 3, column 3`,
      )
    })

    it('say that a file holds no mapping', async () => {
      assert.match(await messageOf({ file: await fileWith('- a') }), /expected a mapping of settings$/)
    })

    it('say why a file can not be read', async () => {
      const file = join(dir.path, 'missing.yaml')
      assert.equal(await messageOf({ file }), `--config = "${file}" can not be read: there is no such file`)
      assert.match(await messageOf({ file: dir.path }), /it is a folder$/)
    })

    it('shorten a long value', async () => {
      const message = await messageOf({ set: [`log.level=${'x'.repeat(5000)}`] })
      assert.ok(message.length < 300)
    })
  })
})
