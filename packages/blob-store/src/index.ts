/**
 * What a node keeps on disk: finished blobs as files, fills that become blobs, an index of both in LevelDB, and tag
 * records; and which blobs go when room is needed.
 *
 * @packageDocumentation
 */
export {
  EvictionPlanner,
  planEviction,
  type BlobRole,
  type EvictionCandidate,
  type EvictionPlannerInit,
  type EvictionRequest,
} from './eviction-policy.ts'
export { evictionRankOf } from './eviction-rank.ts'
export type { FaultHook, FaultPoint } from './fault-point.ts'
export { pieceBytesFor } from './piece-size.ts'
export { openStorage, type Storage, type StorageDeps, type StorageInit } from './storage.ts'
export { firstUsage, usedAgain, type Usage } from './usage.ts'
