/**
 * The pull protocol that moves content between peers, serving and asking.
 *
 * @packageDocumentation
 */
export type {
  ContentProvider,
  IncomingRequest,
  ProvidedContent,
  ProvidedPiece,
  ProvideOptions,
} from './content-provider.ts'
export type { Exchange, ExchangeOptions, Transfer, TransferRequest } from './exchange.ts'
