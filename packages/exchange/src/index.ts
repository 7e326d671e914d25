/**
 * The pull protocol that moves content between peers, serving and asking.
 *
 * @packageDocumentation
 */
export type {
  ContentProvider,
  IncomingRequest,
  IncomingTagRequest,
  ProvidedContent,
  ProvidedPiece,
  ProvideOptions,
} from './content-provider.ts'
export {
  createExchange,
  DEFAULT_IDLE_TIMEOUT_MS,
  DEFAULT_MAX_TRANSFERS,
  DEFAULT_STALL_TIMEOUT_MS,
  DEFAULT_WAIT_INTERVAL_MS,
  type ExchangeDeps,
  type ExchangeInit,
} from './create-exchange.ts'
export type { Exchange, ExchangeOptions, Transfer } from './exchange.ts'
export type { TagRequest } from './tag-frames.ts'
export { MAX_REFUSED_BY, type TransferRequest } from './transfer-request.ts'
