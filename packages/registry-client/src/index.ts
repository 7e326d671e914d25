/**
 * HTTP to upstream registries: logins and tokens, redirects, ranges, repetitions, failover and circuit breakers.
 *
 * @packageDocumentation
 */
export {
  createUpstreamClient,
  DEFAULT_BODY_STALL_TIMEOUT_MS,
  DEFAULT_CONNECT_TIMEOUT_MS,
  DEFAULT_HEADERS_TIMEOUT_MS,
  type ClosableUpstreamClient,
  type UpstreamClientDeps,
  type UpstreamClientInit,
  type UpstreamEndpoints,
} from './create-upstream-client.ts'
export type { CredentialFiles } from './configured-credentials.ts'
