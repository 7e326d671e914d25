import type { NodeStatus, PeerStatus } from '@layermesh/interface'

const GIB = 2 ** 30

/** A node that has done something. */
export const STATUS: NodeStatus = {
  node: {
    name: 'edge-7',
    peerId: '12D3KooWGC6DrWwnA3uGmQoGYCu9dNzE5xDQzLHPYdWzLBpEZ1xH',
    version: '0.1.0',
    region: 'eu-1',
    site: 'paris-3',
    startedAt: '2026-01-01T00:00:00.000Z',
    uptimeSeconds: 7500,
  },
  mirror: { listen: ['127.0.0.1:5000'] },
  mesh: { listen: ['/ip4/10.0.0.7/tcp/4001'], members: 2, authenticated: false },
  cache: { blobs: 42, bytes: 1.5 * GIB, fills: 1 },
  bytes: {
    served: { cache: 3 * GIB, site: GIB, region: 0, world: 0, upstream: 512 },
    fetched: { site: GIB, region: 0, world: 0, upstream: 2048 },
    sent: { site: 10 * GIB, region: 0, world: 0 },
  },
  upstreams: [
    {
      host: 'docker.io',
      endpoints: [
        { name: 'cache.example', mirror: true, state: 'left-alone', quota: null },
        {
          name: 'registry-1.docker.io',
          mirror: false,
          state: 'answers',
          quota: {
            limit: 100,
            remaining: 20,
            windowSeconds: 21_600,
            source: '192.0.2.1',
            seenAt: '2026-01-01T00:00:00.000Z',
          },
        },
      ],
    },
    { host: 'quay.io', endpoints: [{ name: 'quay.io', mirror: false, state: 'answers', quota: null }] },
  ],
}

/** Two peers, nearest first. */
export const PEERS: readonly PeerStatus[] = [
  {
    name: 'edge-8',
    peerId: '12D3KooWAAA',
    version: '0.1.0',
    region: 'eu-1',
    site: 'paris-3',
    link: 'site',
    state: 'suspect',
    load: 0.125,
    capabilities: ['/layermesh/blob/1.0.0'],
    roundTripMs: 0.42,
    holds: { blobs: 3, bytes: 5 * GIB },
    addresses: ['/ip4/10.0.0.8/tcp/4001'],
  },
  {
    name: 'core-1',
    peerId: '12D3KooWBBB',
    version: '0.1.0',
    region: 'us-2',
    site: 'default',
    link: 'world',
    roundTripMs: null,
    holds: { blobs: 0, bytes: 0 },
    addresses: [],
  },
]
