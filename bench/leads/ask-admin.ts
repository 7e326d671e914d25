import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { launchCommand } from '../../test/support/run-command.ts'
import type { RunningLayermesh } from '../harness/contenders/layermesh.ts'
import type { Place } from '../harness/lab/lab.ts'

/** Asks a node's admin API, on the node's own network; with a body it is a POST, with the node's token. */
export async function askAdmin<Answer>(
  node: Place,
  cluster: RunningLayermesh,
  path: string,
  body?: object,
): Promise<Answer> {
  const url = `${cluster.processAt(node).adminUrl}${path}`
  const script = `const answer = await fetch(${JSON.stringify(url)}, ${JSON.stringify(await optionsOf(body))})
const text = await answer.text()
if (!answer.ok) throw new Error(answer.status + ' ' + text)
process.stdout.write(text)`
  const { stdout } = await launchCommand(node.launcher, [
    process.execPath,
    '--input-type=module',
    '--eval',
    script,
  ])
  return JSON.parse(stdout) as Answer

  async function optionsOf(payload: object | undefined): Promise<object> {
    if (payload === undefined) return {}
    const token = await readFile(join(cluster.dataDirAt(node), 'admin.token'), 'utf8')
    return {
      method: 'POST',
      headers: { authorization: `Bearer ${token.trim()}`, 'content-type': 'application/json' },
      body: JSON.stringify(payload),
    }
  }
}
