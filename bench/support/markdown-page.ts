import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { format, resolveConfig } from 'prettier'

/** A table in Markdown. */
export function tableOf(
  head: readonly string[],
  alignments: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return [head, alignments, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/**
 * Replaces what is between the comments that mark a generated block of a page, and returns the page's path from the top
 * of the repository. Throws when the page has no such block.
 */
export async function replaceBlock(
  path: string,
  name: string,
  command: string,
  content: string,
): Promise<string> {
  const file = fileURLToPath(new URL(`../../${path}`, import.meta.url))
  const page = await readFile(file, 'utf8')
  const [start, end] = [`<!-- ${name}: written by ${command} -->`, `<!-- end of ${name} -->`]
  const from = page.indexOf(start)
  const to = page.indexOf(end)
  if (from === -1 || to < from) throw new Error(`${path} has no block ${name}`)
  const replaced = `${page.slice(0, from)}${start}\n\n${content}\n\n${page.slice(to)}`
  await writeFile(file, await format(replaced, { ...(await resolveConfig(file)), parser: 'markdown' }))
  return path
}
