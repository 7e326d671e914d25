import {
  BYTE_SOURCES,
  LINK_CLASSES,
  type ByteSource,
  type NodeStatus,
  type SourceScope,
} from '@layermesh/interface'

const SCOPES: readonly SourceScope[] = [...LINK_CLASSES, 'upstream']

/** Bytes that the nodes of a cluster have counted, all together. */
export interface Traffic {
  /** Handed to clients, by where the node that served them had them from. */
  readonly servedBytes: Readonly<Record<ByteSource, number>>
  /** Fetched by nodes from each other and from upstream, for whomever. */
  readonly fetchedBytes: Readonly<Record<SourceScope, number>>
}

/** Adds up what nodes say of themselves. */
export function trafficOf(statuses: readonly Pick<NodeStatus, 'bytes'>[]): Traffic {
  const total = (bytesOf: (status: Pick<NodeStatus, 'bytes'>) => number) =>
    statuses.reduce((sum, status) => sum + bytesOf(status), 0)
  return {
    servedBytes: recordOf(BYTE_SOURCES, (source) => total(({ bytes }) => bytes.served[source])),
    fetchedBytes: recordOf(SCOPES, (scope) => total(({ bytes }) => bytes.fetched[scope])),
  }
}

/** What was counted between two moments. */
export function trafficBetween(before: Traffic, after: Traffic): Traffic {
  return {
    servedBytes: recordOf(BYTE_SOURCES, (source) => after.servedBytes[source] - before.servedBytes[source]),
    fetchedBytes: recordOf(SCOPES, (scope) => after.fetchedBytes[scope] - before.fetchedBytes[scope]),
  }
}

function recordOf<Key extends string>(
  keys: readonly Key[],
  valueOf: (key: Key) => number,
): Record<Key, number> {
  return Object.fromEntries(keys.map((key) => [key, valueOf(key)])) as Record<Key, number>
}
