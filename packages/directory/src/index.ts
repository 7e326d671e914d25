/**
 * Who holds which blob, and which node leads for a digest.
 *
 * @packageDocumentation
 */
export {
  createDirectory,
  DEFAULT_BATCH_DELAY_MS,
  DEFAULT_GAP_PATIENCE_MS,
  DEFAULT_MAX_HOLDINGS_PER_PEER,
  DEFAULT_SYNC_STALL_TIMEOUT_MS,
  type DirectoryDeps,
  type DirectoryInit,
} from './create-directory.ts'
export {
  DirectoryCore,
  type DirectoryCoreDeps,
  type DirectoryCoreInit,
  type DirectoryNode,
} from './directory-core.ts'
export { encodeHoldingsBeat, type HoldingsBeat } from './holdings-beat.ts'
export { CLUSTER_TOPIC, encodeHoldingsMessage, regionTopic, type HoldingsDelta } from './holdings-messages.ts'
export { leadChain, type ClusterView, type LeadChain } from './leads.ts'
export { rankByRendezvous, RendezvousOrder } from './rendezvous.ts'
export type { AccountName, SyncAsk, SyncReply } from './sync-conversation.ts'
