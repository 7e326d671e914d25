import type { Log } from '@layermesh/interface'

/** A line of the log. */
export interface LogLine {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A log that a test can look at, and wait for. */
export class KeptLog implements Log {
  readonly lines: LogLine[] = []
  readonly error = this.#method('error')
  readonly warn = this.#method('warn')
  readonly info = this.#method('info')
  readonly debug = this.#method('debug')
  readonly trace = this.#method('trace')
  #waiters: { readonly message: string; readonly resolve: (line: LogLine) => void }[] = []

  child(): Log {
    return this
  }

  /** The first line with this message, once it is there. */
  async line(message: string): Promise<LogLine> {
    const line = this.lines.find((candidate) => candidate.message === message)
    if (line !== undefined) return line
    const { promise, resolve } = Promise.withResolvers<LogLine>()
    this.#waiters.push({ message, resolve })
    return promise
  }

  #method(level: string) {
    return (fields: Readonly<Record<string, unknown>>, message: string): void => {
      const line = { level, message, fields }
      this.lines.push(line)
      for (const waiter of this.#waiters) if (waiter.message === message) waiter.resolve(line)
      this.#waiters = this.#waiters.filter((waiter) => waiter.message !== message)
    }
  }
}
