import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@layermesh/interface'
import type { CliIo } from '../cli-io.ts'
import { CommandError } from '../command-error.ts'
import { stopSignal } from '../stop-signal.ts'
import type { DemoOptions } from './demo-options.ts'
import { planDemo } from './demo-plan.ts'
import { createDemoProgress } from './demo-progress.ts'
import { reportText } from './demo-report-text.ts'
import { reportDemo } from './demo-report.ts'
import { runDemo } from './demo-run.ts'

/** Runs a demo with the nodes of this very command and prints its report. Ctrl-C ends it in good order. */
export async function demo(options: DemoOptions & { readonly json: boolean }, io: CliIo): Promise<void> {
  const { json, ...demoOptions } = options
  const stop = new AbortController()
  // Leaving takes a moment only; leaving faster would leave something behind.
  void stopSignal({ emitter: process, clock: systemClock, onRepeated: () => {} }).then(() => {
    stop.abort(new CommandError('the demo was stopped before its end'))
  })
  const results = await runDemo(planDemo(demoOptions), {
    nodeCommand: [process.execPath, mainFile(), 'serve'],
    progress: createDemoProgress(io.stderr),
    clock: systemClock,
    signal: stop.signal,
  })
  const report = reportDemo(demoOptions, results)
  if (json) {
    io.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
  } else {
    // Between the steps and the report, where both go to the same terminal.
    io.stderr.write('\n')
    io.stdout.write(reportText(report))
  }
}

// Published, this file and the command's are .js.
function mainFile(): string {
  return fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url))
}
