import { readFile } from 'node:fs/promises'

import { Ajv, type ErrorObject } from 'ajv'
import { parseDocument } from 'yaml'

import { BenchError } from '../bench-error.ts'
import type { LinkQuality, Topology } from './topology.ts'

const UNIT_BITS: Readonly<Record<string, number>> = { kbit: 1e3, Mbit: 1e6, Gbit: 1e9 }
const RATE_PATTERN = '^\\d+(\\.\\d+)?(kbit|Mbit|Gbit)$'

const DELAY_PATTERN = '^\\d{1,3}(\\.\\d+)?ms$'

const rate = { type: 'string', pattern: RATE_PATTERN }
const delay = { type: 'string', pattern: DELAY_PATTERN }
const link = { rate, delay }
const name = { type: 'string', pattern: '^[a-z][a-z0-9-]{0,19}$' }

const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['regions'],
  properties: {
    upstream: { type: 'object', additionalProperties: false, properties: link },
    cache: { type: 'object', additionalProperties: false, properties: link },
    regions: {
      type: 'array',
      minItems: 1,
      maxItems: 50,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'sites'],
        properties: {
          name,
          ...link,
          sites: {
            type: 'array',
            minItems: 1,
            maxItems: 50,
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['name', 'nodes'],
              properties: {
                name,
                ...link,
                nodes: { type: 'integer', minimum: 1, maximum: 200 },
                nodeRate: rate,
                nodeDelay: delay,
              },
            },
          },
        },
      },
    },
  },
}

interface RawLink {
  readonly rate?: string
  readonly delay?: string
}

interface RawTopology {
  readonly upstream?: RawLink
  readonly cache?: RawLink
  readonly regions: readonly (RawLink & {
    readonly name: string
    readonly sites: readonly (RawLink & {
      readonly name: string
      readonly nodes: number
      readonly nodeRate?: string
      readonly nodeDelay?: string
    })[]
  })[]
}

const validate = new Ajv({ allErrors: true, verbose: true }).compile<RawTopology>(SCHEMA)

/** Reads a topology from a YAML file. Throws a BenchError with one line for each mistake. */
export async function readTopology(file: string): Promise<Topology> {
  let text
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new BenchError(`the topology ${file} can not be read: ${(cause as Error).message}`, { cause })
  }
  return parseTopology(text, file)
}

/** Reads a topology from YAML; `origin` is what mistakes are said to be in. Throws a BenchError with one line for each. */
export function parseTopology(text: string, origin: string): Topology {
  const document = parseDocument(text)
  const [syntaxError] = document.errors
  if (syntaxError !== undefined) {
    throw new BenchError(`${origin} is not YAML: ${syntaxError.message.split('\n', 1)[0] ?? ''}`)
  }
  const value: unknown = document.toJS()
  if (!validate(value)) throw mistakes(origin, (validate.errors ?? []).map(describe))
  const doubled = doubledNames(value)
  if (doubled.length > 0) throw mistakes(origin, doubled)
  const { upstream, cache, regions } = value
  const firstSite = regions[0]?.sites[0]
  return {
    upstreamLink: quality(upstream ?? {}),
    cacheLink: quality({ rate: firstSite?.nodeRate, delay: firstSite?.nodeDelay, ...cache }),
    regions: regions.map((region) => ({
      name: region.name,
      link: quality(region),
      sites: region.sites.map((site) => ({
        name: site.name,
        link: quality(site),
        nodes: site.nodes,
        nodeLink: quality({ rate: site.nodeRate, delay: site.nodeDelay }),
      })),
    })),
  }
}

function quality({
  rate,
  delay,
}: {
  readonly rate?: string | undefined
  readonly delay?: string | undefined
}): LinkQuality {
  return {
    rateBytesPerSecond: bytesPerSecond(rate),
    delayMs: delay === undefined ? 0 : Number.parseFloat(delay),
  }
}

function bytesPerSecond(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const [, amount, unit] = /^([\d.]+)(\w+)$/.exec(text) ?? []
  return (Number(amount) * (UNIT_BITS[unit ?? ''] ?? Number.NaN)) / 8
}

function mistakes(origin: string, lines: readonly string[]): BenchError {
  return new BenchError(lines.map((line) => `${origin}: ${line}`).join('\n'))
}

function describe({ instancePath, keyword, params, data, message }: ErrorObject): string {
  const where = instancePath.slice(1).replaceAll('/', '.')
  const at = where === '' ? 'the topology' : where
  if (keyword === 'additionalProperties') {
    return `${at} has the unknown key ${String((params as { additionalProperty: unknown }).additionalProperty)}`
  }
  if (keyword === 'required') {
    return `${at} lacks the key ${String((params as { missingProperty: unknown }).missingProperty)}`
  }
  const shown = JSON.stringify(data)
  if ((params as { pattern?: unknown }).pattern === RATE_PATTERN) {
    return `${at} = ${shown}: expected a rate such as 500kbit, 20Mbit or 1Gbit`
  }
  if ((params as { pattern?: unknown }).pattern === DELAY_PATTERN) {
    return `${at} = ${shown}: expected a delay in each direction below 1000ms, such as 0.5ms or 20ms`
  }
  return `${at} = ${shown}: ${message ?? 'is not allowed'}`
}

/** Sites are told apart by their names alone, in reports and by contenders. */
function doubledNames({ regions }: RawTopology): string[] {
  const doubles = (what: string, names: readonly string[]) =>
    names.filter((one, index) => names.indexOf(one) !== index).map((one) => `there are two ${what} ${one}`)
  return [
    ...doubles(
      'regions',
      regions.map((region) => region.name),
    ),
    ...doubles(
      'sites',
      regions.flatMap(({ sites }) => sites.map((site) => site.name)),
    ),
  ]
}
