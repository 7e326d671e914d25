import type { Log } from '@layermesh/interface'

/** A line of the log as it was said. */
export interface LogLine {
  readonly level: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** A log that keeps its lines, those of its children too. */
export interface RecordingLog extends Log {
  readonly lines: readonly LogLine[]
  messages(level: string): readonly string[]
}

export function createRecordingLog(lines: LogLine[] = [], inherited: LogLine['fields'] = {}): RecordingLog {
  const recordAs = (level: string) => (fields: LogLine['fields'], message: string) => {
    lines.push({ level, fields: { ...inherited, ...fields }, message })
  }
  return {
    lines,
    messages: (wanted) => lines.filter(({ level }) => level === wanted).map(({ message }) => message),
    error: recordAs('error'),
    warn: recordAs('warn'),
    info: recordAs('info'),
    debug: recordAs('debug'),
    trace: recordAs('trace'),
    child: (fields) => createRecordingLog(lines, { ...inherited, ...fields }),
  }
}
