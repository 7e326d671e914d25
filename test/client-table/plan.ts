import type { Cell, ScenarioName } from './cell.ts'
import type { ClientKind } from './clients.ts'

/** A client that can be started. */
export interface PlannedClient {
  readonly name: string
  readonly kind: ClientKind
  /** Root folder of the system that it is run in. */
  readonly root: string
}

/** What is to be done in a sandbox. Plain data: it goes there as a file. */
export interface Plan {
  readonly clients: readonly PlannedClient[]
  readonly scenarios: readonly ScenarioName[]
  /** Folder for everything that is written. */
  readonly dir: string
}

/** What is said from there, a line of JSON each. */
export type SandboxLine =
  | { readonly type: 'cell'; readonly cell: Cell }
  /** A client could not be started. */
  | { readonly type: 'problem'; readonly client: string; readonly problem: string }
