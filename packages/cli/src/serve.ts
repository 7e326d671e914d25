import type { Config } from '@layermesh/config'
import { systemClock, type Log } from '@layermesh/interface'
import { startNode, type RunningNode } from '@layermesh/node'
import { createLog } from '@layermesh/telemetry'
import type { CliIo } from './cli-io.ts'
import { reportError } from './report-error.ts'
import { stopSignal } from './stop-signal.ts'
import { tuneGarbageCollector } from './tune-garbage-collector.ts'
import { welcomeText } from './welcome-text.ts'

/** Runs a node until SIGINT or SIGTERM. Throws what keeps it from starting; a second Ctrl-C ends the process. */
export async function serve(config: Config, io: CliIo): Promise<void> {
  tuneGarbageCollector()
  const log = createLog({ level: config.log.level, pretty: io.stdout.isTTY })
  const stopped = stopSignal({ emitter: process, clock: systemClock, onRepeated: () => process.exit(1) })
  process.on('uncaughtException', (err) => {
    log.error({ err }, 'unexpected failure')
    process.exit(reportError(err, io))
  })
  const node = await start(config, log)
  io.stderr.write(welcomeText(node, config.node))
  await stopped
  io.stderr.write('stopping; Ctrl-C again stops at once\n')
  await node.stop()
}

async function start(config: Config, log: Log): Promise<RunningNode> {
  try {
    return await startNode(config, log)
  } catch (err) {
    // People get one line; who asked for this level gets the causes and the stack too.
    log.debug({ err }, 'node did not start')
    throw err
  }
}
