import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { createTempDir } from '@layermesh/testkit'

import type { Cell, ScenarioName } from './cell.ts'
import type { ClientRow } from './clients.ts'
import { openSuite, type SuiteRoot } from './debian-suite.ts'
import type { Plan, PlannedClient, SandboxLine } from './plan.ts'
import { runInSandbox } from './sandbox.ts'

const PROGRAM = fileURLToPath(new URL('sandbox-main.ts', import.meta.url))

/** Without it, most of a node's start is reading its sources anew. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/clients', import.meta.url))

/** What became of a row of the table. */
export interface RowResult {
  readonly row: ClientRow
  /** Of the package that the client is in; undefined when it couldn't be set up. */
  readonly version?: string
  /** Why there are no cells, or not all. */
  readonly problem?: string
  readonly cells: readonly Cell[]
}

/** Options of {@link runClients}. */
export interface RunClientsOptions {
  readonly signal: AbortSignal
  /** Called with each step, in words. */
  readonly onStep?: (text: string) => void
  /** Called with each cell as soon as it is there. */
  readonly onCell?: (cell: Cell) => void
}

/**
 * Sets clients up and puts them through scenarios. A client that can't be set up is a row with a problem. Needs root. Throws when the sandbox
 * fails, and `signal.reason`.
 */
export async function runClients(
  rows: readonly ClientRow[],
  scenarios: readonly ScenarioName[],
  { signal, onStep = () => {}, onCell = () => {} }: RunClientsOptions,
): Promise<RowResult[]> {
  const setUps = await setUp(rows, onStep, signal)
  const cells: Cell[] = []
  const problems = new Map<string, string>()
  await using temp = await createTempDir()
  const home = join(temp.path, 'home')
  await mkdir(home)
  const clients = setUps.flatMap(({ planned }) => planned ?? [])
  const plan: Plan = { clients, scenarios, dir: temp.path }
  const planFile = join(temp.path, 'plan.json')
  await writeFile(planFile, JSON.stringify(plan))
  const env = { HOME: home, NODE_COMPILE_CACHE: COMPILE_CACHE }
  onStep(`${clients.length} clients, ${scenarios.length} scenarios`)
  for await (const text of runInSandbox(PROGRAM, [planFile], { env, signal })) {
    const line = JSON.parse(text) as SandboxLine
    if (line.type === 'problem') problems.set(line.client, line.problem)
    else {
      cells.push(line.cell)
      onCell(line.cell)
    }
  }
  return setUps.map(({ row, version, problem = problems.get(row.name) }) => ({
    row,
    ...(version !== undefined && { version }),
    ...(problem !== undefined && { problem }),
    cells: cells.filter(({ client }) => client === row.name),
  }))
}

interface SetUp {
  readonly row: ClientRow
  readonly version?: string
  readonly planned?: PlannedClient
  readonly problem?: string
}

async function setUp(
  rows: readonly ClientRow[],
  onStep: (text: string) => void,
  signal: AbortSignal,
): Promise<SetUp[]> {
  const suites = new Map<string, Promise<SuiteRoot>>()
  const setUps: SetUp[] = []
  // One after the other: apt and debootstrap lock what they change.
  for (const row of rows) {
    signal.throwIfAborted()
    const opening = suites.get(row.suite) ?? openSuite(row.suite, { onStep, signal })
    suites.set(row.suite, opening)
    setUps.push(await setUpRow(row, opening))
  }
  return setUps
}

async function setUpRow(row: ClientRow, opening: Promise<SuiteRoot>): Promise<SetUp> {
  try {
    const suite = await opening
    const versions: string[] = []
    for (const name of row.packages) versions.push(await suite.install(name))
    const [version = ''] = versions
    return { row, version, planned: { name: row.name, kind: row.kind, root: suite.path } }
  } catch (error) {
    return { row, problem: error instanceof Error ? error.message : String(error) }
  }
}
