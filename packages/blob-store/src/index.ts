/**
 * What a node keeps on disk: finished blobs as files, fills that become blobs, pins, and in LevelDB an index of the
 * blobs and records of tags, links, peers and upstreams' answers; and which blobs go when room is needed.
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
export type { LevelLinkStore } from './level-link-store.ts'
export type { LevelTagStore } from './level-tag-store.ts'
export type { StoreSelection } from './purge-plan.ts'
export { openStorage, type Storage, type StorageDeps, type StorageInit } from './storage.ts'
export type { StoredImage } from './stored-images.ts'
export { firstUsage, usedAgain, type Usage } from './usage.ts'
