/** What the command reads and writes. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where a person answers questions, if it is a terminal. */
  readonly stdin: NodeJS.ReadStream
  /** Results, and the daemon's log. */
  readonly stdout: NodeJS.WriteStream
  /** Everything else that is for people: where the daemon listens, warnings, errors. */
  readonly stderr: NodeJS.WriteStream
}
