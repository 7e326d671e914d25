import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'

import { startClients, stopClients } from './client/start-clients.ts'
import { BenchError } from './bench-error.ts'
import type { Contender, ContenderDeps, RunningContender } from './contenders/contender.ts'
import type { Venue, Venues } from './lab/venues.ts'
import { summarise, type RunSummary } from './measures/summary.ts'
import type { RunSample } from './measures/samples.ts'
import type { Scenario, ScenarioInit } from './scenarios/scenario.ts'
import { Stage } from './scenarios/stage.ts'
import type { PlannedLink } from './topology/network-plan.ts'
import { readTopology } from './topology/read-topology.ts'
import { withNodes, type Topology } from './topology/topology.ts'

/** How scenarios are run. */
export interface RunScenarioOptions extends ScenarioInit {
  readonly repeats: number
  /** Whether real clients take part in the scenarios that want them. */
  readonly realClients: boolean
  /** @default as many as the topology has */
  readonly nodes?: number | undefined
  /** A topology file in the place of the scenario's own. */
  readonly topologyFile?: string | undefined
  readonly signal: AbortSignal
  readonly onStep: (text: string) => void
}

/** What a scenario has shown of one contender. */
export interface ContenderResult {
  readonly contender: string
  readonly version: string
  readonly configuration: object
  readonly summaries: readonly RunSummary[]
  readonly runs: readonly RunSample[]
}

/** What a scenario has shown. */
export interface ScenarioResult {
  readonly scenario: string
  readonly title: string
  readonly topology: Topology
  readonly links: readonly PlannedLink[]
  readonly mode: 'netns' | 'loopback'
  readonly notMeasured: readonly string[]
  /** Of the machine, in the minute before the scenario. */
  readonly loadAverageAtStart: number
  readonly seed: number
  readonly imageBytes: number
  readonly compressiblePart: number
  readonly contenders: readonly ContenderResult[]
}

/** Plays a scenario with each contender, round by round, so that what the machine does besides befalls all alike. */
export async function runScenario(
  scenario: Scenario,
  contenders: readonly Contender[],
  venues: Venues,
  options: RunScenarioOptions,
): Promise<ScenarioResult> {
  const { repeats, seed, imageBytes, compressiblePart } = options
  const topology = await topologyOf(scenario, options)
  options.signal.throwIfAborted()
  options.onStep(`${scenario.name}: the network`)
  const venue = await venues.get(topology)
  const [loadAverageAtStart = 0] = loadavg()
  const played = new Map<Contender, PlayedRun[]>(contenders.map((contender) => [contender, []]))
  for (let repeat = 1; repeat <= repeats; repeat += 1) {
    for (const [contender, runs] of played) runs.push(await play(scenario, contender, venue, repeat, options))
  }
  const results: ContenderResult[] = []
  for (const [contender, runs] of played) {
    results.push({
      contender: contender.name,
      version: await contender.version(),
      configuration: runs[0]?.configuration ?? {},
      summaries: runs.map(({ links, sample }) => summarise(links, sample)),
      runs: runs.map(({ sample }) => sample),
    })
  }
  const [first] = [...played.values()].flat()
  return {
    scenario: scenario.name,
    title: scenario.title,
    topology,
    links: first?.links ?? [],
    mode: first?.mode ?? 'loopback',
    notMeasured: first?.notMeasured ?? [],
    loadAverageAtStart,
    seed,
    imageBytes,
    compressiblePart,
    contenders: results,
  }
}

interface PlayedRun {
  readonly sample: RunSample
  readonly configuration: object
  readonly links: readonly PlannedLink[]
  readonly mode: 'netns' | 'loopback'
  readonly notMeasured: readonly string[]
}

/** Processes and their disks are made anew for each run, and gone after it. */
async function play(
  scenario: Scenario,
  contender: Contender,
  venue: Venue,
  repeat: number,
  options: RunScenarioOptions,
): Promise<PlayedRun> {
  const { repeats, signal } = options
  const { lab, origin } = venue
  const onStep = (text: string) => {
    options.onStep(`${scenario.name}, ${contender.name}, ${repeat} of ${repeats}: ${text}`)
  }
  signal.throwIfAborted()
  await lab.reset()
  onStep('starting')
  await using running = await startContender(contender, { lab, origin })
  const clients = await startClients(lab, scenario.realClients === true && options.realClients)
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => stopClients(clients))
  await using stage = new Stage({ venue, contender: running, clients, signal, onStep })
  await scenario.play(stage, options)
  const { phases, timeline, events, meter } = stage
  const { configuration } = running
  return {
    sample: {
      contender: contender.name,
      repeat,
      phases,
      timeline,
      events,
      peakMemoryBytes: meter.peakMemoryBytes,
    },
    configuration,
    links: lab.plan.links,
    mode: lab.mode,
    notMeasured: lab.notMeasured,
  }
}

async function startContender(contender: Contender, deps: ContenderDeps): Promise<RunningContender> {
  try {
    return await contender.start(deps)
  } catch (cause) {
    const [reason] = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)
    throw new BenchError(`${contender.name} could not be started: ${reason ?? ''}`, { cause })
  }
}

/** The topology that a scenario is played on. Rejects with a BenchError. */
export async function topologyOf(
  scenario: Scenario,
  { nodes, topologyFile }: Pick<RunScenarioOptions, 'nodes' | 'topologyFile'>,
): Promise<Topology> {
  const own = fileURLToPath(new URL(`topologies/${scenario.topology}.yaml`, import.meta.url))
  const topology = await readTopology(topologyFile ?? own)
  return nodes === undefined ? topology : withNodes(topology, nodes)
}
