import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'

import { writeResult } from '../support/result-file.ts'
import { BenchError } from './bench-error.ts'
import { whyNoNamespaces } from './lab/open-lab.ts'
import { removeLeftovers } from './lab/run-folder.ts'
import { Venues } from './lab/venues.ts'
import { readArguments, USAGE } from './read-arguments.ts'
import { writeHtmlReport } from './report/html-report.ts'
import { terminalTable } from './report/terminal-table.ts'
import { checkPlayable } from './scenarios/check-playable.ts'
import { replayOf } from './scenarios/replay.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { runScenario, topologyOf, type ScenarioResult } from './run-scenario.ts'

/** Compares ways to bring images to nodes; see docs/benchmarks.md. */
async function main(args: readonly string[], stop: AbortController): Promise<void> {
  const options = readArguments(args)
  if (options.help) {
    console.log(USAGE)
    return
  }
  // Without it, most of a run's time is that of reading the sources of each node anew.
  process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(
    new URL('../../node_modules/.cache/bench', import.meta.url),
  )
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop.abort(new BenchError('stopped; everything that was made has been removed'))
    })
  }
  for (const output of [process.stdout, process.stderr]) {
    // Who reads it has gone, as `head` does; what was made still has to be removed.
    output.on('error', (cause) => {
      stop.abort(new BenchError('the output was closed', { cause }))
    })
  }
  for (const name of await removeLeftovers()) console.error(`removed what ${name} had left behind`)
  const scenarios = await playable(options)

  const results: ScenarioResult[] = []
  const [loadAverageAtStart = 0] = loadavg()
  await using venues = new Venues(options.mode)
  const onStep = (text: string) => {
    const place = `${results.length + 1}/${scenarios.length}`
    console.error(`${new Date().toISOString().slice(11, 19)} [${place}] ${text}`)
  }
  const path = `bench/results/${options.name}.json`
  for (const scenario of scenarios) {
    const result = await runScenario(scenario, options.contenders, venues, {
      ...options,
      signal: stop.signal,
      onStep,
    })
    console.log(terminalTable(result))
    results.push(result)
    // What took hours must not be lost because of what comes after it.
    await writeResult(options.name, options.command, { loadAverageAtStart, scenarios: results })
  }
  console.log(`raw samples: ${path}`)
  console.log(`report: ${await writeHtmlReport(options.name)}`)
}

/** Checks every scenario before the first is played. Where all are wanted, those that this machine can't play are left out. */
async function playable(options: ReturnType<typeof readArguments>): Promise<Scenario[]> {
  const wanted = options.replay === undefined ? options.scenarios : [await replayOf(options.replay)]
  const found: Scenario[] = []
  for (const scenario of wanted) {
    const topology = await topologyOf(scenario, options)
    try {
      checkPlayable(scenario, { topology, mode: options.mode, noNamespaces: whyNoNamespaces() })
      found.push(scenario)
    } catch (error) {
      if (!options.allScenarios || scenario.needsLinks !== true) throw error
      console.error(`left out: ${(error as Error).message}`)
    }
  }
  return found
}

const stop = new AbortController()
try {
  await main(process.argv.slice(2), stop)
} catch (error) {
  // Ctrl-C reaches all processes of the run, too; what their ends bring about is no news.
  const cause: unknown = stop.signal.aborted ? stop.signal.reason : error
  if (!(cause instanceof BenchError)) throw cause
  console.error(`bench: ${cause.message}`)
  process.exitCode = 2
}
