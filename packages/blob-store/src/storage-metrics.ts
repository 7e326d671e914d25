import type { Counter, Metrics, RemovalReason } from '@layermesh/interface'

const REASONS: readonly RemovalReason[] = ['evicted', 'unused', 'purged', 'damaged']

/** What the store counts. */
export interface StorageMetrics {
  /** By `reason`. */
  readonly removedBytes: Counter
  readonly lastCopyEvictions: Counter
  readonly scrubbedBytes: Counter
}

export function createStorageMetrics(metrics: Metrics): StorageMetrics {
  return {
    removedBytes: metrics.counter({
      name: 'cache_removed_bytes_total',
      help: 'Bytes of blobs that this node holds no longer, by why: many evicted soon after they came mean that cache.maxBytes is small.',
      labels: { reason: REASONS },
    }),
    lastCopyEvictions: metrics.counter({
      name: 'cache_last_copy_evictions_total',
      help: 'Blobs that were evicted although no other node of the region holds them: the next pull there goes further.',
    }),
    scrubbedBytes: metrics.counter({
      name: 'cache_scrubbed_bytes_total',
      help: 'Bytes that were read again to find out whether the disk still has them right.',
    }),
  }
}
