/**
 * The contracts between layermesh's packages, the types that they talk in, and the errors that they throw.
 * Nothing here depends on anything.
 *
 * @packageDocumentation
 */
export * from './blob-store.ts'
export * from './byte-range.ts'
export * from './cache-control.ts'
export * from './cache-rule.ts'
export * from './clock.ts'
export * from './content-fetcher.ts'
export * from './content.ts'
export * from './copy-counts.ts'
export * from './digest.ts'
export * from './directory.ts'
export * from './errors.ts'
export * from './lifecycle.ts'
export * from './link-store.ts'
export * from './listen-address.ts'
export * from './listen-failure.ts'
export * from './locality.ts'
export * from './log.ts'
export * from './metrics.ts'
export * from './node-status.ts'
export * from './peer-network.ts'
export * from './peer-store.ts'
export * from './piece-size.ts'
export * from './pin-store.ts'
export * from './tag-store.ts'
export * from './upstream-answer-store.ts'
export * from './upstream-client.ts'
export * from './upstream-lists.ts'
export * from './upstream-status.ts'
