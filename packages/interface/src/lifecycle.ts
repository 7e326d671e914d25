/** A part with a lifetime. `stop` is idempotent and bounded in time. */
export interface Startable {
  start(): Promise<void>
  stop(): Promise<void>
}
