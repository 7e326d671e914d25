import assert from 'node:assert/strict'
import { byteSize } from '../src/byte-size.ts'
import { duration, timeout } from '../src/duration.ts'
import type { Format } from '../src/format.ts'
import { listenAddress } from '../src/listen-address.ts'
import { meshDnsName, meshListenAddress, meshPeerAddress, meshPeerId } from '../src/mesh-address.ts'
import { label, loginName, path, textPattern } from '../src/plain-text.ts'
import {
  httpProxy,
  mirrorHost,
  networkHost,
  registryAlias,
  registryEndpoint,
  registryHost,
  registryMirror,
} from '../src/registry-host.ts'

interface Examples<Value> {
  readonly format: Format<Value>
  readonly accepted: Readonly<Record<string, Value>>
  readonly refused: readonly string[]
}

const PEER_ID = '12D3KooWGC6DrWwnA3uGmQoGYCu9dNzE5xDQzLHPYdWzLBpEZ1xH'

function itKeepsTo<Value>({ format, accepted, refused }: Examples<Value>): void {
  describe(`format ${format.name}`, () => {
    for (const [text, value] of Object.entries(accepted)) {
      it(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(format.parse(text), value))
    }
    for (const text of refused) {
      it(`refuses ${JSON.stringify(text)}`, () => assert.equal(format.parse(text), undefined))
    }
  })
}

function asTheyAre(...texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(texts.map((text) => [text, text]))
}

itKeepsTo({
  format: byteSize,
  accepted: {
    '0B': 0,
    '512 B': 512,
    '1.5KiB': 1536,
    '50GiB': 50 * 1024 ** 3,
    '2TB': 2e12,
    '1024TiB': 1024 ** 5,
  },
  refused: ['', '50', '-1GiB', '1.GiB', '50gb', '50Gi', '1e3B', '1025TiB', 'GiB'],
})

itKeepsTo({
  format: duration,
  accepted: { '500ms': 500, '0s': 0, '60s': 60_000, '15m': 900_000, '12h': 43_200_000, '7d': 604_800_000 },
  refused: ['', '60', 's', '-1s', '1.5s', '1 s', '1S', '1w', '366d', '9999999999999ms'],
})

itKeepsTo({
  format: timeout,
  accepted: { '1ms': 1, '2s': 2000, '1h': 3_600_000 },
  refused: ['0s', '61m', '2'],
})

itKeepsTo({
  format: listenAddress,
  accepted: {
    '127.0.0.1:5000': { host: '127.0.0.1', port: 5000 },
    '0.0.0.0:0': { host: '0.0.0.0', port: 0 },
    '[::1]:5000': { host: '::1', port: 5000 },
    'localhost:65535': { host: 'localhost', port: 65_535 },
    'Node-1.example.com:80': { host: 'Node-1.example.com', port: 80 },
  },
  refused: [
    '5000',
    ':5000',
    '*:5000',
    '127.0.0.1',
    '127.0.0.1:65536',
    '127.0.0.1:http',
    '256.0.0.1:80',
    '127.1:80',
    '::1:5000',
    '[127.0.0.1]:80',
    'a b:80',
    'http://localhost:80',
    'localhost:80/',
  ],
})

itKeepsTo({
  format: meshListenAddress,
  accepted: asTheyAre('/ip4/0.0.0.0/tcp/4001', '/ip6/::/tcp/0'),
  refused: [
    '0.0.0.0:4001',
    '/ip4/0.0.0.0',
    '/ip4/0.0.0.0/tcp/65536',
    '/ip4/::/tcp/4001',
    '/ip4/0.0.0.0/udp/4001/quic-v1',
    '/dns4/example.com/tcp/4001',
    `/ip4/0.0.0.0/tcp/4001/p2p/${PEER_ID}`,
  ],
})

itKeepsTo({
  format: meshPeerAddress,
  accepted: asTheyAre(
    '/ip4/10.0.0.1/tcp/4001',
    '/ip6/fd00::1/tcp/4001',
    '/dns4/node1.example.com/tcp/4001',
    `/dns/node1/tcp/4001/p2p/${PEER_ID}`,
  ),
  refused: ['/ip4/10.0.0.1/tcp/0', '/ip4/10.0.0/tcp/4001', '/dns4//tcp/4001', '/ip4/10.0.0.1/tcp/4001/p2p/'],
})

itKeepsTo({
  format: meshDnsName,
  accepted: asTheyAre('mesh', 'mesh.default.svc.cluster.local:4001', '_mesh._tcp.example.com', 'a.b.'),
  refused: ['', 'a b', 'mesh:0', 'mesh:70000', '_mesh._tcp.example.com:1', 'http://mesh', '/dns4/mesh/tcp/1'],
})

itKeepsTo({
  format: meshPeerId,
  accepted: asTheyAre(PEER_ID),
  refused: ['', 'edge-7', `/p2p/${PEER_ID}`, `${PEER_ID}0`],
})

itKeepsTo({
  format: registryHost,
  accepted: asTheyAre('docker.io', 'localhost:5000', 'registry.example.com:5000', '[::1]:5000'),
  refused: ['', 'Docker.io', 'index.docker.io', 'ghcr.io:443', 'https://ghcr.io', 'ghcr.io/x', 'a:b'],
})

itKeepsTo({
  format: registryAlias,
  accepted: asTheyAre('hub', 'my_registry', 'mirror.example.com'),
  refused: ['', 'Hub', 'a/b', 'registry-1.docker.io', '../x'],
})

itKeepsTo({
  format: registryEndpoint,
  accepted: {
    'https://registry-1.docker.io': 'https://registry-1.docker.io',
    'http://127.0.0.1:5001/': 'http://127.0.0.1:5001',
    'https://[::1]:5000': 'https://[::1]:5000',
  },
  refused: [
    'registry-1.docker.io',
    'ftp://example.com',
    'https://example.com/v2',
    'https://example.com/?x',
    'https://example.com/#x',
    'https://user:password@example.com',
  ],
})

itKeepsTo({
  format: label,
  accepted: asTheyAre('edge-7', 'a.b_c', 'x'.repeat(128)),
  refused: ['', 'a b', 'a/b', 'x'.repeat(129)],
})

itKeepsTo({
  format: path,
  accepted: { '/var/lib/layermesh': '/var/lib/layermesh', '/a/../b': '/b', data: `${process.cwd()}/data` },
  refused: ['', 'a\0b'],
})

itKeepsTo({
  format: registryMirror,
  accepted: {
    ...asTheyAre(
      'http://127.0.0.1:5000',
      'https://harbor.example.com/docker-hub',
      'https://reg.example/a/b_c',
    ),
    'https://harbor.example.com/hub/': 'https://harbor.example.com/hub',
    'http://cache.example/': 'http://cache.example',
  },
  refused: [
    'cache.example',
    'ftp://cache.example',
    'https://user:pw@cache.example',
    'https://cache.example/?x',
    'https://cache.example/#x',
    'https://cache.example/Hub',
    'https://cache.example/a//b',
    'https://cache.example/a%2fb',
  ],
})

itKeepsTo({
  format: networkHost,
  accepted: asTheyAre('storage.example.com', 'minio', '10.0.0.7', '[fd00::1]'),
  refused: ['', 'Storage.example.com', 'storage:9000', 'https://storage', 'user@storage', 'a/b', '10.7'],
})

itKeepsTo({
  format: httpProxy,
  accepted: {
    'http://proxy.example:3128': 'http://proxy.example:3128/',
    'http://user:pw@proxy.example:3128/': 'http://user:pw@proxy.example:3128/',
    'https://proxy.example': 'https://proxy.example/',
  },
  refused: [
    'proxy.example:3128',
    'socks5://proxy.example',
    'http://proxy.example/path',
    'http://proxy.example/?x',
  ],
})

itKeepsTo({
  format: loginName,
  accepted: asTheyAre('alice', '$oauthtoken', 'robot$proj+pull', '_json_key'),
  refused: ['', 'a:b', 'a\nb'],
})

itKeepsTo({
  format: textPattern,
  accepted: asTheyAre('^v\\d+\\.\\d+\\.\\d+$', 'stable', '^(jammy|noble)-\\d{8}$'),
  refused: ['(', '[a-', 'v\\-1', '*', 'a'.repeat(201)],
})

itKeepsTo({
  format: mirrorHost,
  accepted: asTheyAre('docker.mirror.local', '127.0.0.1:5010', '[::1]:5010', 'mirror', 'index.docker.io:443'),
  refused: ['', 'Mirror.local', 'http://mirror', 'a:0', 'a/b', '*.local'],
})
