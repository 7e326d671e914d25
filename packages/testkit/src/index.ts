/**
 * Real parts for tests, benchmarks and the demo: an origin registry, images, clocks, contract suites.
 *
 * @packageDocumentation
 */
export {
  assembleImage,
  buildImage,
  DEFAULT_PLATFORM,
  layerSpecsOf,
  type BuiltImage,
  type ImageSpec,
  type Platform,
} from './build-image.ts'
export { buildIndex, type BuiltIndex } from './build-index.ts'
export type { BuiltLayer, LayerSpec } from './build-layer.ts'
export {
  artifactOf,
  builtContent,
  builtJson,
  uniqueBytesOf,
  type BuiltArtifact,
  type BuiltContent,
} from './built-content.ts'
export type { OriginAccount } from './byte-account.ts'
export type { Fault, FaultAction, FaultMatch, LengthClaim } from './fault.ts'
export { startFaultProxy, type FaultProxy, type FaultProxyOptions, type ProxiedBytes } from './fault-proxy.ts'
export type { ScriptedFault } from './fault-script.ts'
export {
  DEFAULT_SETTLE_MS,
  expectNoLeaks,
  takeResourceSnapshot,
  type LeakCheckOptions,
  type ResourceSnapshot,
} from './leak-check.ts'
export { ManualClock } from './manual-clock.ts'
export {
  NodeCluster,
  whenHoldingsKnown,
  type ClusterNodeOptions,
  type NodeClusterInit,
} from './node-cluster.ts'
export {
  spawnNode,
  type LogLine,
  type NodeProcess,
  type NodeProcessOptions,
  type WaitOptions,
} from './node-process.ts'
export type { GossipFaults } from './memory-gossip.ts'
export { createMemoryMesh, type MemoryMesh, type MemoryMeshInit } from './memory-mesh.ts'
export type { MemoryPeerNetwork } from './memory-peer-network.ts'
export { DEFAULT_PULL_CONCURRENCY, pullImage, type PullOptions, type PullResult } from './pull-image.ts'
export { peerNetworkContract, type PeerNetworkHarness } from './peer-network-contract.ts'
export { scriptedCacheControl, type CacheCall, type ScriptedCacheControl } from './scripted-cache-control.ts'
export { seededBytes } from './seeded-bytes.ts'
export { seededRandom } from './seeded-random.ts'
export { selfSigned } from './self-signed.ts'
export type { ImageFormat, LayerCompression } from './media-types.ts'
export type { AddedImage, OriginProcessOptions } from './origin-commands.ts'
export { spawnOrigin, type OriginProcess, type RemoteFault } from './origin-process.ts'
export {
  DEFAULT_TOKEN_LIFETIME_SECONDS,
  startOrigin,
  type OriginOptions,
  type OriginRegistry,
} from './origin-registry.ts'
export type { ServerIdentity } from './http-listener.ts'
export type { OriginLogin } from './login.ts'
export type { OriginRequest, OriginServer, RequestKind } from './origin-request.ts'
export type { LoggedRequest } from './request-log.ts'
export { createTempDir, type TempDir } from './temp-dir.ts'
export { until } from './until.ts'
