import { createAdmin } from '@layermesh/admin'
import type { Config } from '@layermesh/config'
import { type Log, systemClock } from '@layermesh/interface'
import { createUpstreamTable } from '@layermesh/oci'
import { createMetrics } from '@layermesh/telemetry'

import { loadAdminToken } from './admin-token.ts'
import { createCacheControl } from './node-cache-control.ts'
import { startParts } from './node-parts.ts'
import { nodeStatus, peerStatuses } from './node-status.ts'
import { productVersion } from './product-version.ts'

/** Where a node can be reached, with the ports that the system chose. */
export interface NodeAddresses {
  /** `host:port` of each listener of the mirror. */
  readonly mirror: readonly string[]
  /** `host:port` of the admin endpoint. */
  readonly admin: string
  /** Multiaddrs with the peer id, as other nodes need them to join. */
  readonly mesh: readonly string[]
}

/** A node that serves. */
export interface RunningNode {
  readonly addresses: NodeAddresses
  readonly peerId: string
  /** Stops everything in the reverse order of its start. Idempotent; takes about 10 s at most, for replies that are under way. */
  stop(): Promise<void>
}

/**
 * Starts a node. Throws ERR_DATA_DIR, ERR_CONFIG_INVALID or ERR_LISTEN, each with one line that says what to change;
 * nothing is left running then.
 */
export async function startNode(config: Config, log: Log): Promise<RunningNode> {
  const clock = systemClock
  const metrics = createMetrics()
  const version = await productVersion()
  await using stack = new AsyncDisposableStack()

  const parts = await startParts(config, { clock, log, metrics, version }, stack)
  const { directory, network, storage } = parts
  metrics.gauge(
    { name: 'cache_bytes', help: 'Bytes of finished blobs on disk.' },
    () => storage.totals().bytes,
  )
  metrics.gauge(
    { name: 'cache_blobs', help: 'Finished blobs on disk, manifests included.' },
    () => storage.totals().blobs,
  )

  metrics.gauge(
    {
      name: 'cache_used_bytes',
      help: 'Bytes that count against cache.maxBytes: finished blobs, downloads under way or paused, quarantine.',
    },
    () => storage.space().usedBytes,
  )
  metrics.gauge(
    { name: 'cache_limit_bytes', help: 'The setting cache.maxBytes.' },
    () => storage.space().maxBytes,
  )

  const token = await loadAdminToken(config.admin.tokenFile, log)
  const upstreams = createUpstreamTable(config.upstreams, config.mirror.defaultUpstream, {
    allowOthers: config.otherUpstreams.allow,
  })
  const cache = createCacheControl({ clock, storage, directory, network, upstreams })
  const run = { config, version, startedAtMs: clock.now() }
  let stopping: Promise<void> | undefined
  const admin = createAdmin(
    {
      log,
      cache,
      metricsText: async () => ({ contentType: metrics.contentType, body: await metrics.text() }),
      status: () => Promise.resolve(nodeStatus(parts, run, clock.now())),
      peers: () => Promise.resolve(peerStatuses(network, directory)),
      readiness: () => ({
        mirror: parts.mirror.addresses().length > 0,
        mesh: network.self.addresses.length > 0,
      }),
    },
    { listen: config.admin.listen, token },
  )
  await admin.start()
  stack.defer(() => admin.stop())

  const addresses = { mirror: parts.mirror.addresses(), admin: admin.address(), mesh: network.self.addresses }
  log.info({ ...addresses, peerId: network.self.peer, name: config.node.name, version }, 'node started')

  const running = stack.move()
  return {
    addresses,
    peerId: network.self.peer,
    stop() {
      stopping ??= running.disposeAsync().then(() => log.info({}, 'node stopped'))
      return stopping
    },
  }
}
