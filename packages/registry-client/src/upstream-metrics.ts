import type { ContentKind, Counter, MetricDefinition, Metrics } from '@layermesh/interface'
import { REQUEST_OUTCOMES, type RequestOutcome } from './request-outcome.ts'

/** What a request is for: content, or the token that its registry wants to see first. */
export type RequestKind = ContentKind | 'token'

const REQUEST_KINDS: readonly RequestKind[] = ['manifest', 'blob', 'token']

const REQUESTS: MetricDefinition = {
  name: 'upstream_requests_total',
  help:
    'HTTP requests to upstream registries, their token servers and their storage, each redirect and repetition ' +
    'included, by what was asked for and how it was answered; "unauthorized" is how a registry asks for a token.',
  labels: { kind: REQUEST_KINDS, outcome: REQUEST_OUTCOMES },
}

const RECEIVED_BYTES: MetricDefinition = {
  name: 'upstream_received_bytes_total',
  help: 'Bytes of the bodies that came from upstreams, by what was asked for: what pulls have cost the uplink.',
  labels: { kind: REQUEST_KINDS },
}

/** Counts what goes to and comes from upstreams. */
export class UpstreamMetrics {
  readonly #requests: Counter
  readonly #receivedBytes: Counter

  constructor(metrics: Metrics) {
    this.#requests = metrics.counter(REQUESTS)
    this.#receivedBytes = metrics.counter(RECEIVED_BYTES)
  }

  /** Counts a request whose outcome is known. */
  answered(kind: RequestKind, outcome: RequestOutcome): void {
    this.#requests.add(1, { kind, outcome })
  }

  /** Counts bytes of a body as they come. */
  received(kind: RequestKind, bytes: number): void {
    this.#receivedBytes.add(bytes, { kind })
  }
}
