import type { LogLine } from '@layermesh/testkit'
import { CommandError } from '../command-error.ts'

const MAX_WARNINGS = 3

/** Says in one line why a client could not pull through a node, with the last warnings of the node's log. */
export function pullFailure(
  node: string,
  image: string,
  { cause, log }: { readonly cause: unknown; readonly log: readonly LogLine[] },
): CommandError {
  const warnings = log
    .filter(({ level }) => level === 'warn' || level === 'error')
    .slice(-MAX_WARNINGS)
    .map(warningText)
  const said = warnings.length === 0 ? 'its log has no warnings' : `its last warnings: ${warnings.join('; ')}`
  return new CommandError(`${image} could not be pulled through node ${node}: ${messageOf(cause)}; ${said}`, {
    cause,
  })
}

function warningText({ err, msg }: LogLine): string {
  const message = messageOf(err)
  return message === '' ? msg : `${msg} (${message})`
}

/** What an error says, and what its causes say, whether it is one or was written to a log. */
function messageOf(error: unknown): string {
  const { cause, message } = (error ?? {}) as { readonly cause?: unknown; readonly message?: unknown }
  if (typeof message !== 'string') return ''
  const reason = messageOf(cause)
  return reason === '' ? message : `${message}: ${reason}`
}
