import type { ContentKind, Counter, MetricDefinition, MetricLabels, Metrics } from '@layermesh/interface'
import { REQUEST_OUTCOMES, type RequestOutcome } from './request-outcome.ts'

/** What is asked of a registry: content, or one of the lists that only it can give. */
export type ApiKind = ContentKind | 'tags' | 'referrers'

/** What a request is for: something of the registry, or the token that it wants to see first. */
export type RequestKind = ApiKind | 'token'

const REQUEST_KINDS: readonly RequestKind[] = ['manifest', 'blob', 'tags', 'referrers', 'token']

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

const PULLS_LIMIT: MetricDefinition = {
  name: 'upstream_pulls_limit',
  help: 'Pulls that an upstream allows in a window, as it said last (Docker Hub); NaN when it has not said it.',
}

const PULLS_REMAINING: MetricDefinition = {
  name: 'upstream_pulls_remaining',
  help: 'Pulls that an upstream still allows, as it said last (Docker Hub); NaN when it has not said it.',
}

/** What a registry says of how many pulls are left. */
export interface QuotaHolder {
  readonly host: string
  readonly quota: { readonly limit: number; readonly remaining: number } | undefined
}

/** Counts what goes to and comes from upstreams. */
export class UpstreamMetrics {
  readonly #requests: Counter
  readonly #receivedBytes: Counter
  readonly #metrics: Metrics

  constructor(metrics: Metrics) {
    this.#metrics = metrics
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

  /** Shows at each scrape how many pulls are left; NaN for an upstream that has not said it. Call it once. */
  watchQuotas(holders: readonly QuotaHolder[]): void {
    const byHost = new Map(holders.map((holder) => [holder.host, holder]))
    const labels = { upstream: [...byHost.keys()] }
    const read = (key: 'limit' | 'remaining') => (of: MetricLabels) =>
      byHost.get(of['upstream'] ?? '')?.quota?.[key] ?? Number.NaN
    this.#metrics.gauge({ ...PULLS_LIMIT, labels }, read('limit'))
    this.#metrics.gauge({ ...PULLS_REMAINING, labels }, read('remaining'))
  }
}
