/** A part with a lifetime. `stop` is idempotent and bounded in time. */
export interface Startable {
  start(): Promise<void>
  stop(): Promise<void>
}

/** Undoes a registration; idempotent. */
export type Unsubscribe = () => void
