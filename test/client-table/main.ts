import { parseArgs } from 'node:util'

import type { Cell } from './cell.ts'
import { SCENARIOS } from './cell.ts'
import { CLIENTS } from './clients.ts'
import { differences } from './differences.ts'
import { terminalTable, writeClientsPage } from './report.ts'
import { runClients } from './run-clients.ts'

const USAGE = `npm run test:clients -- [--only TEXT]

Pulls with real clients of three suites of Debian through a node, and prints what each did in each scenario. Needs root, debootstrap for
suites other than this machine's, and some 3 GB in the user's cache folder. With --only, just the clients whose name has the text, such as
"containerd" or "(sid)", and docs/clients.md stays as it is.`

/** Runs the table. Exits with 1 when a cell isn't what is expected, and with 2 on wrong usage. */
async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { only: { type: 'string' }, help: { type: 'boolean' } },
  })
  if (values.help === true) {
    console.log(USAGE)
    return 0
  }
  const { only = '' } = values
  const rows = CLIENTS.filter(({ name }) => name.includes(only))
  if (rows.length === 0)
    throw new UsageError(
      `--only ${only}: no client has this in its name: ${CLIENTS.map(({ name }) => name).join(', ')}`,
    )
  if (process.getuid?.() !== 0) throw new UsageError('only root can make the namespaces that clients run in')

  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      stop.abort(new UsageError('stopped; what was made is being removed'))
    })
  }
  const onStep = (text: string) => {
    console.error(`${new Date().toISOString().slice(11, 19)} ${text}`)
  }
  const onCell = ({ client, scenario, outcome }: Cell) => {
    onStep(`${client}: ${scenario}: ${outcome}`)
  }
  const results = await runClients(rows, SCENARIOS, { signal: stop.signal, onStep, onCell })
  console.log(terminalTable(results))
  if (rows.length === CLIENTS.length) console.log(`written: ${(await writeClientsPage(results)).join(', ')}`)
  const wrong = differences(results)
  for (const line of wrong) console.error(`clients: ${line}`)
  return wrong.length === 0 ? 0 : 1
}

/** What a person has got wrong or has stopped; needs no stack. */
class UsageError extends Error {}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const isParseError = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') === true
  if (!(error instanceof UsageError) && !isParseError) throw error
  console.error(`clients: ${(error as Error).message}`)
  process.exitCode = 2
}
