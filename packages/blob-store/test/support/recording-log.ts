import { silentLog, type Log } from '@layermesh/interface'

/** A log that keeps its lines, as `level message`. */
export interface RecordingLog extends Log {
  readonly lines: readonly string[]
}

export function createRecordingLog(): RecordingLog {
  const lines: string[] = []
  const recordAs = (level: string) => (_fields: object, message: string) =>
    void lines.push(`${level} ${message}`)
  return { ...silentLog, lines, error: recordAs('error'), warn: recordAs('warn'), info: recordAs('info') }
}
