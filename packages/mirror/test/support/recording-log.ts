import type { Log } from '@layermesh/interface'

/** A line of the log. */
export interface LogLine {
  readonly level: 'error' | 'warn' | 'info' | 'debug' | 'trace'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A log that keeps its lines and lets a test wait for one. */
export class RecordingLog implements Log {
  readonly lines: LogLine[] = []
  readonly error = this.#method('error')
  readonly warn = this.#method('warn')
  readonly info = this.#method('info')
  readonly debug = this.#method('debug')
  readonly trace = this.#method('trace')
  #onLine = () => {}

  child(): Log {
    return this
  }

  /** The line with this message, now or later; the last one when `times` are waited for. */
  async whenLogged(message: string, times = 1): Promise<LogLine> {
    for (;;) {
      const line = this.lines.filter((candidate) => candidate.message === message)[times - 1]
      if (line !== undefined) return line
      const { promise, resolve }: PromiseWithResolvers<void> = Promise.withResolvers()
      this.#onLine = resolve
      await promise
    }
  }

  #method(level: LogLine['level']) {
    return (fields: Readonly<Record<string, unknown>>, message: string): void => {
      this.lines.push({ level, message, fields })
      this.#onLine()
    }
  }
}
