import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import CliTable from 'cli-table3'
import { format, resolveConfig } from 'prettier'

/** A table of results, for the terminal and for a page under docs/. Titles of columns with figures have their unit after a comma. */
export interface ResultTable {
  /** Names the block of the page that it fills. */
  readonly name: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** A page under docs/ with blocks that a benchmark fills. */
export interface ResultPage {
  /** From the top of the repository. */
  readonly path: string
  /** The command that fills its blocks. */
  readonly command: string
}

/** Prints tables for whoever has started the run. */
export function printTables(tables: readonly ResultTable[]): void {
  for (const { head, rows } of tables) {
    const table = new CliTable({
      head: [...head],
      colAligns: head.map((_, column) => (isText(head, column) ? 'left' : 'right')),
      style: { head: [], border: [], compact: true },
    })
    table.push(...rows.map((cells) => [...cells]))
    console.log(table.toString())
  }
}

/** Brings the blocks of a page up to date. Throws when it lacks one of them. */
export async function writeTables(page: ResultPage, tables: readonly ResultTable[]): Promise<void> {
  const file = fileURLToPath(new URL(`../../${page.path}`, import.meta.url))
  let text = await readFile(file, 'utf8')
  for (const table of tables) text = replaceBlock(page, text, table)
  const style = await resolveConfig(file)
  await writeFile(file, await format(text, { ...style, parser: 'markdown' }))
}

/** Replaces what is between the comments that mark a generated block. */
function replaceBlock({ path, command }: ResultPage, text: string, table: ResultTable): string {
  const [start, end] = [`<!-- ${table.name}: written by ${command} -->`, `<!-- end of ${table.name} -->`]
  const from = text.indexOf(start)
  const to = text.indexOf(end)
  if (from === -1 || to < from) throw new Error(`${path} has no block ${table.name}`)
  return `${text.slice(0, from)}${start}\n\n${markdownOf(table)}\n\n${text.slice(to)}`
}

function markdownOf({ head, rows }: ResultTable): string {
  const alignments = head.map((_, column) => (isText(head, column) ? '---' : '--:'))
  return [head, alignments, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** The columns before the first one with figures. */
function isText(head: readonly string[], column: number): boolean {
  return column < head.findIndex((title) => title.includes(','))
}
