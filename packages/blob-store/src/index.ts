/**
 * What a node keeps on disk: finished blobs as files, fills that become blobs, pins, and in LevelDB an index of the
 * blobs and records of tags, links and peers.
 *
 * @packageDocumentation
 */
export type { FaultHook, FaultPoint } from './fault-point.ts'
export type { LevelLinkStore } from './level-link-store.ts'
export type { LevelTagStore } from './level-tag-store.ts'
export { pieceBytesFor } from './piece-size.ts'
export { openStorage, type Storage, type StorageDeps, type StorageInit } from './storage.ts'
