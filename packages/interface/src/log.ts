/** One line of the log: facts as fields, then a short constant phrase. */
export type LogMethod = (fields: Readonly<Record<string, unknown>>, message: string) => void

/** A structured logger; field names are those of docs/logging.md. */
export interface Log {
  /** A person must act. */
  readonly error: LogMethod
  /** We degraded. */
  readonly warn: LogMethod
  /** Lifecycle, and one line for each completed pull. */
  readonly info: LogMethod
  /** Decisions with their inputs. */
  readonly debug: LogMethod
  /** Frames. */
  readonly trace: LogMethod
  child(fields: Readonly<Record<string, unknown>>): Log
}

/** A log that says nothing; for callers that have none. */
export const silentLog: Log = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  trace() {},
  child: () => silentLog,
}
