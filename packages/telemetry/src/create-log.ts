import type { Log, LogMethod } from '@layermesh/interface'
import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino'
import pinoPretty from 'pino-pretty'
import { loggable } from './loggable.ts'

/** The least important lines that are written, most important first. */
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug' | 'trace'

/** How lines are written. */
export interface LogInit {
  readonly level: LogLevel
  /** Colours and columns for people instead of JSON lines for machines. */
  readonly pretty: boolean
  /** Where lines go. @default standard output */
  readonly destination?: DestinationStream
}

/** A log that writes synchronously, so that the last lines before an exit are not lost. Nothing secret gets into it. */
export function createLog({ level, pretty, destination }: LogInit): Log {
  const lines = destination ?? pino.destination({ fd: 1, sync: true })
  const logger = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Errors have been made plain already; pino would add their type and stack again.
      serializers: { err: (value: unknown) => value },
    },
    pretty ? prettyTo(lines, destination === undefined && pinoPretty.isColorSupported) : lines,
  )
  return logOf(logger)
}

// pino-pretty's own stream writes in a later turn of the event loop; its formatter can be called right away.
function prettyTo(destination: DestinationStream, colorize: boolean): DestinationStream {
  const format = pinoPretty.prettyFactory({ colorize, translateTime: 'SYS:HH:MM:ss.l' })
  return { write: (line) => destination.write(format(line)) }
}

function logOf(logger: Logger): Log {
  const method = (level: Exclude<LogLevel, 'silent'>): LogMethod => {
    return (fields, message) => {
      if (logger.isLevelEnabled(level)) logger[level](loggable(fields), message)
    }
  }
  return {
    error: method('error'),
    warn: method('warn'),
    info: method('info'),
    debug: method('debug'),
    trace: method('trace'),
    child: (fields) => logOf(logger.child(loggable(fields))),
  }
}
