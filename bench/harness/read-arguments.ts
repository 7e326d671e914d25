import { parseArgs } from 'node:util'

import { BenchError } from './bench-error.ts'
import { contendersByName } from './contenders/contenders.ts'
import type { LabMode } from './lab/open-lab.ts'
import { scenariosByName } from './scenarios/scenarios.ts'

const UNIT_BYTES: Readonly<Record<string, number>> = {
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
}

export const USAGE = `npm run bench -- [options]
  --scenario NAMES     all, or some of them, comma-separated          (fan-out)
  --contenders NAMES   direct, pull-through, pull-through-site, layermesh   (direct,pull-through,layermesh)
  --nodes N            dealt out to the sites                         (as the topology says)
  --size SIZE          of an image, such as 64MiB                     (32MiB)
  --compressible N     percent of what is in the layers' files         (90)
  --repeats N          how often each contender plays each scenario   (3)
  --seed N             of the images                                  (1)
  --replay FILE        recorded pulls, CSV or an access log, in the place of scenarios
  --speed N            how many times as fast as they were            (1)
  --topology FILE      in the place of the scenarios' own
  --clients WHICH      mixed: real ones where they can; built-in      (mixed)
  --mode MODE          auto, netns (needs root) or loopback           (auto)
  --name NAME          of the result: bench/results/NAME.json         (bench-SCENARIO)`

/** Reads the command line. Throws a BenchError that names the option, the value and what is allowed. */
export function readArguments(args: readonly string[]) {
  const values = parse(args)
  const names = values.scenario.split(',')
  return {
    help: values.help,
    allScenarios: values.replay === undefined && names.includes('all'),
    scenarios: values.replay === undefined ? scenariosByName(names) : [],
    replay:
      values.replay === undefined
        ? undefined
        : { file: values.replay, speed: wholeNumber('speed', values.speed) },
    contenders: contendersByName(values.contenders.split(',')),
    nodes: values.nodes === undefined ? undefined : wholeNumber('nodes', values.nodes),
    imageBytes: byteSize(values.size),
    compressiblePart: percent('compressible', values.compressible) / 100,
    repeats: wholeNumber('repeats', values.repeats),
    seed: wholeNumber('seed', values.seed),
    topologyFile: values.topology,
    realClients: realClients(values.clients),
    mode: labMode(values.mode),
    name: resultName(values.name ?? `bench-${values.replay === undefined ? names.join('-') : 'replay'}`),
    command: `npm run bench -- ${args.join(' ')}`.trim(),
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', default: false },
        scenario: { type: 'string', default: 'fan-out' },
        contenders: { type: 'string', default: 'direct,pull-through,layermesh' },
        nodes: { type: 'string' },
        size: { type: 'string', default: '32MiB' },
        compressible: { type: 'string', default: '90' },
        repeats: { type: 'string', default: '3' },
        seed: { type: 'string', default: '1' },
        replay: { type: 'string' },
        speed: { type: 'string', default: '1' },
        topology: { type: 'string' },
        clients: { type: 'string', default: 'mixed' },
        mode: { type: 'string', default: 'auto' },
        name: { type: 'string' },
      },
    }).values
  } catch (cause) {
    throw new BenchError((cause as Error).message, { cause })
  }
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && value <= 1000) return value
  throw new BenchError(`--${option} = ${text}: expected a whole number from 1 to 1000`)
}

function percent(option: string, text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= 100) return value
  throw new BenchError(`--${option} = ${text}: expected a whole number from 0 to 100`)
}

function byteSize(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([kMG]B|[KMG]iB)$/.exec(text) ?? []
  const bytes = Number(amount) * (UNIT_BYTES[unit ?? ''] ?? Number.NaN)
  if (bytes >= 1e5 && bytes <= 4e9) return bytes
  throw new BenchError(`--size = ${text}: expected a size from 100kB to 4GB, such as 64MiB`)
}

function labMode(text: string): LabMode {
  if (text === 'auto' || text === 'netns' || text === 'loopback') return text
  throw new BenchError(`--mode = ${text}: expected auto, netns or loopback`)
}

function realClients(text: string): boolean {
  if (text === 'mixed' || text === 'built-in') return text === 'mixed'
  throw new BenchError(`--clients = ${text}: expected mixed or built-in`)
}

function resultName(text: string): string {
  if (/^[a-z0-9][a-z0-9-]*$/.test(text)) return text
  throw new BenchError(`--name = ${text}: expected lower-case letters, digits and hyphens`)
}
