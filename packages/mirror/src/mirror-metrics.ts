import { BYTE_SOURCES, type Counter, type Histogram, type Metrics } from '@layermesh/interface'

const FIRST_BYTE_BUCKETS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20,
]

/** What the mirror counts. */
export interface MirrorMetrics {
  readonly requests: Counter
  readonly servedBytes: Counter
  readonly cutReplies: Counter
  readonly firstByteSeconds: Histogram
}

/** Registers what the mirror counts. */
export function createMirrorMetrics(metrics: Metrics): MirrorMetrics {
  return {
    requests: metrics.counter({
      name: 'mirror_requests_total',
      help: 'Requests that were replied to, by what they asked for and the class of the status.',
      labels: { kind: ['manifest', 'blob', 'list', 'other'], status: ['2xx', '3xx', '4xx', '5xx'] },
    }),
    servedBytes: metrics.counter({
      name: 'served_bytes_total',
      help: 'Bytes of manifests and blobs handed to clients, by where this node had them from.',
      labels: { source: BYTE_SOURCES },
    }),
    cutReplies: metrics.counter({
      name: 'mirror_cut_replies_total',
      help: 'Replies that ended before their last byte: the client hung up, or no source could go on.',
      labels: { by: ['client', 'source'] },
    }),
    firstByteSeconds: metrics.histogram(
      {
        name: 'mirror_first_byte_seconds',
        help: 'Time from a request for a manifest or blob to the beginning of its reply, by source.',
        labels: { source: BYTE_SOURCES },
      },
      FIRST_BYTE_BUCKETS_SECONDS,
    ),
  }
}

/** The class of an HTTP status, as a label. */
export function statusClass(status: number): string {
  return `${Math.floor(status / 100)}xx`
}
