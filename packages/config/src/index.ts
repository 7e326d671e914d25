/**
 * The configuration of a node: one table of settings, from which the schema, the defaults, the environment names,
 * the typed result and docs/configuration.md are made.
 *
 * @packageDocumentation
 */
export { duration } from './duration.ts'
export { loadConfig, type ConfigSources } from './load-config.ts'
export type { Config, UpstreamConfig } from './settings.ts'
