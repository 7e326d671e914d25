/**
 * Logging by pino and metrics by prom-client, behind the contracts `Log` and `Metrics`.
 *
 * @packageDocumentation
 */
export { createLog, type LogInit, type LogLevel } from './create-log.ts'
export { createMetrics, type PrometheusMetrics } from './create-metrics.ts'
