import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import Table from 'cli-table3'
import { format, resolveConfig } from 'prettier'

import { writeResult } from '../../bench/support/result-file.ts'
import { type Cell, type ScenarioName, SCENARIOS } from './cell.ts'
import type { RowResult } from './run-clients.ts'

const PAGE = 'docs/clients.md'
const COMMAND = 'npm run test:clients'

/** Heads of the columns. */
const TITLES: Readonly<Record<ScenarioName, string>> = {
  tag: 'by tag',
  digest: 'by digest',
  dead: 'registry dead, node warm',
  stopped: 'mirror stopped',
  cut: 'blob cut at half',
  private: 'private, node without rights',
}

const INTRODUCTION = `# Clients

<!-- Made by \`${COMMAND}\`; edit test/client-table/report.ts, not this file. -->

What real clients do with a node as their mirror of Docker Hub, set up with the files of \`deploy/\`. Debian's packages are run in namespaces without a
network but loopback, where the names of Docker Hub lead to a registry of the test's own that speaks TLS and wants tokens. Every cell is an image that the
client has not seen before, and says what came of the pull, and in brackets how many requests for manifests and blobs the client made to the
mirror and to the registry, by their own logs.

- **by tag**, **by digest**: a node that has nothing yet.
- **registry dead, node warm**: the node has the image; nobody can reach the registry any more.
- **mirror stopped**: nothing listens at its address.
- **blob cut at half**: the node's way to the registry breaks in the middle of a layer, and stays broken; the client's way is good.
- **private, node without rights**: only a login that the client has, and the node doesn't, may pull from the repository. The node holds every byte of the
  image, from another repository.

\`ok through mirror\`: the client has the image, and all of it from the mirror. \`ok, fell back\`: it has the image, and the registry gave some or all of it.
`

const REMARKS = `## Why some fail

- **podman, skopeo, buildah** look for another place to pull from only until they have the manifest. If a blob then can't be finished, the pull fails, at most
  after one more request for the rest.
- **crane, oras** have no setting for mirrors. The mirror is the registry that they are told to pull from, so there is nothing else to ask.
- **dockerd** with its own store pulls the whole image from the registry when the mirror fails it; the others go there request by request.
`

/** The table for a terminal. */
export function terminalTable(results: readonly RowResult[]): string {
  const table = new Table({
    head: ['client', 'version', ...SCENARIOS.map((name) => TITLES[name])],
    style: { head: [], border: [], compact: true },
  })
  for (const result of results) table.push([result.row.name, versionOf(result), ...cellTexts(result)])
  return [table.toString(), ...problemLines(results)].join('\n')
}

/** Writes the table as a page of the documentation, and all that was counted; returns the paths of both. */
export async function writeClientsPage(results: readonly RowResult[]): Promise<string[]> {
  const file = fileURLToPath(new URL(`../../${PAGE}`, import.meta.url))
  const options = await resolveConfig(file)
  await writeFile(file, await format(clientsPage(results), { ...options, parser: 'markdown' }))
  return [PAGE, await writeResult('clients', COMMAND, { results })]
}

function clientsPage(results: readonly RowResult[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const head = ['client', 'version', ...SCENARIOS.map((name) => TITLES[name])]
  const lines = results.map((result) => line([result.row.name, versionOf(result), ...cellTexts(result)]))
  const table = [line(head), line(head.map(() => '---')), ...lines].join('\n')
  const problems = problemLines(results).map((text) => `- ${text}\n`)
  return [INTRODUCTION, table, problems.join(''), REMARKS].join('\n')
}

function versionOf({ version = '' }: RowResult): string {
  return version
}

function cellTexts({ cells, problem }: RowResult): string[] {
  return SCENARIOS.map((name) => {
    const cell = cells.find(({ scenario }) => scenario === name)
    if (cell !== undefined) return cellText(cell)
    return problem === undefined ? '' : 'not set up'
  })
}

function cellText({ outcome, mirror, registry }: Cell): string {
  return `${outcome} (${mirror.requests}, ${registry.requests})`
}

function problemLines(results: readonly RowResult[]): string[] {
  return results.flatMap(({ row, problem }) =>
    problem === undefined
      ? []
      : [`${row.name} could not be set up: ${problem.trim().split('\n').at(-1) ?? ''}`],
  )
}
