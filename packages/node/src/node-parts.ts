import { randomBytes } from 'node:crypto'

import { openStorage, type Storage } from '@layermesh/blob-store'
import type { Config } from '@layermesh/config'
import { createDirectory } from '@layermesh/directory'
import { createExchange, type Exchange } from '@layermesh/exchange'
import { Fetcher } from '@layermesh/fetcher'
import type { Clock, Directory, Log, Metrics, PeerNetwork } from '@layermesh/interface'
import { createPeerNetwork } from '@layermesh/mesh'
import { createMirror, type Mirror } from '@layermesh/mirror'
import { type ClosableUpstreamClient, createUpstreamClient } from '@layermesh/registry-client'

import { cacheRules } from './cache-rules.ts'
import { CopyCounter } from './copy-counter.ts'
import { mirrorInit } from './mirror-init.ts'
import { readAuthorities } from './read-authorities.ts'
import { readSecrets, warnOfReadableSecret } from './read-secret.ts'
import { SecretWatch } from './secret-watch.ts'
import { tagPolicies } from './tag-policies.ts'

/** What every part of a node may use. */
export interface NodeEnvironment {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly version: string
}

/** The parts that others ask things of. */
export interface NodeParts {
  readonly storage: Storage
  readonly upstream: ClosableUpstreamClient
  readonly network: PeerNetwork
  readonly directory: Directory
  readonly exchange: Exchange
  readonly fetcher: Fetcher
  readonly mirror: Mirror
}

/**
 * Builds and starts the parts of a node, each after those that it uses, and leaves on `stack` how to stop them; disposing
 * of the stack stops them in the reverse order. Throws ERR_DATA_DIR, ERR_CONFIG_INVALID and ERR_LISTEN.
 */
export async function startParts(
  config: Config,
  environment: NodeEnvironment,
  stack: AsyncDisposableStack,
): Promise<NodeParts> {
  const { clock, log, metrics, version } = environment
  const { dataDir, name } = config.node
  const { secretFile, stallTimeoutMs } = config.mesh
  const readClusterSecrets = () => readSecrets('mesh.secretFile', secretFile ?? '')
  const secrets = secretFile === undefined ? [] : await readClusterSecrets()

  const upstreams = await readAuthorities(config.upstreams)

  const rules = cacheRules(config.cache.rules)
  const copies = new CopyCounter()
  const loopId = `layermesh-${randomBytes(6).toString('hex')}`
  const storage = await openStorage(
    { clock, log, metrics, copiesOf: (digest) => copies.of(digest) },
    {
      ...{ dataDir, nodeId: name, rules },
      limits: { maxBytes: config.cache.maxBytes, minFreeBytes: config.cache.minFreeBytes },
      ...{ unusedForMs: config.cache.unusedForMs, scrubEveryMs: config.cache.scrubEveryMs },
    },
  )
  stack.defer(() => storage.close())

  const upstream = createUpstreamClient(
    { clock, log, metrics, answers: storage.answers },
    {
      ...{ upstreams, version, loopId },
      allowOthers: config.otherUpstreams.allow,
      earlierAnswers: await storage.answers.list(),
    },
  )
  stack.defer(() => upstream.close())

  const network = await createPeerNetwork(
    { clock, log, metrics, peers: storage.peers },
    { ...config.mesh, secrets, dataDir, facts: { name, version, locality: config.locality } },
  )
  await network.start()
  stack.defer(() => network.stop())
  if (secretFile !== undefined) {
    await warnOfReadableSecret(secretFile, log)
    const changed = (changedTo: readonly string[]) => network.setSecrets(changedTo)
    const watch = new SecretWatch({ clock, log, read: readClusterSecrets, changed }, secrets)
    stack.defer(() => watch.stop())
  }

  const directory = createDirectory({ clock, log, metrics, network }, {})
  copies.follow(directory, network)
  // What is on disk already is part of the first snapshot, not news.
  for (const { digest, sizeBytes } of storage.blobs.list()) directory.announce(digest, sizeBytes)
  const unwatch = storage.blobs.watch({
    added: ({ digest, sizeBytes }) => directory.announce(digest, sizeBytes),
    removed: (digest) => directory.withdraw(digest),
  })
  stack.defer(unwatch)
  await directory.start()
  stack.defer(() => directory.stop())

  const { site, beyond } = stallTimeoutMs
  const exchange = createExchange(
    { clock, log, metrics, network },
    { stallTimeoutMs: { site, region: beyond, world: beyond } },
  )
  const fetcher = new Fetcher(
    {
      ...environment,
      store: storage.blobs,
      tags: storage.tags,
      links: storage.links,
      upstream,
      peers: exchange,
      network,
      directory,
      random: Math.random,
    },
    {
      sources: config.sources,
      rules,
      unwatchedFills: config.cache.unwatchedFills,
      tagPolicyOf: tagPolicies(config),
    },
  )
  stack.defer(() => fetcher.stop())
  const unwatchDamage = storage.blobs.watch({
    removed(_digest, reason, links) {
      const newest = links.at(-1)
      if (reason === 'damaged' && newest !== undefined) fetcher.refetch(newest)
    },
  })
  stack.defer(unwatchDamage)
  await exchange.serve(fetcher.provider)
  stack.defer(() => exchange.stop())

  const mirror = createMirror(
    { clock, content: fetcher, lists: upstream, log, metrics },
    { ...mirrorInit(config), loopId },
  )
  await mirror.start()
  stack.defer(() => mirror.stop())

  return { storage, upstream, network, directory, exchange, fetcher, mirror }
}
