/**
 * The registry endpoint that container runtimes pull from: the one place that speaks the distribution API to clients.
 *
 * @packageDocumentation
 */
export type { AccessPolicy } from './client-access.ts'
export {
  createMirror,
  DEFAULT_BLOB_TIMEOUT_MS,
  DEFAULT_MANIFEST_TIMEOUT_MS,
  type Mirror,
  type MirrorDeps,
  type MirrorInit,
  type MirrorListen,
} from './create-mirror.ts'
export { DEFAULT_DRAIN_TIMEOUT_MS } from './http-listener.ts'
