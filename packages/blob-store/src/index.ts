/**
 * What a node keeps on disk: finished blobs as files, fills that become blobs, an index of both in LevelDB, and tag
 * records.
 *
 * @packageDocumentation
 */
export type { FaultHook, FaultPoint } from './fault-point.ts'
export { pieceBytesFor } from './piece-size.ts'
export { openStorage, type Storage, type StorageDeps, type StorageInit } from './storage.ts'
