import assert from 'node:assert/strict'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTempDir, type NodeProcess, spawnNode, startOrigin, until } from '@layermesh/testkit'
import { request } from 'undici'

const COMMAND = [process.execPath, join(import.meta.dirname, '../src/main.ts'), 'serve']

describe('a daemon that was killed by SIGKILL', function () {
  this.timeout(120_000)

  it('leaves a registry alone that has said 429 before', async () => {
    await using temp = await createTempDir()
    await using origin = await startOrigin()
    const headers = { 'retry-after': '900' }
    origin.script({ match: {}, action: { type: 'status', status: 429, headers } })
    const dataDir = join(temp.path, 'data')
    const index = join(dataDir, 'v1', 'index')
    const config = {
      node: { name: 'one', dataDir },
      mirror: { listen: ['127.0.0.1:0'], defaultUpstream: 'origin.test' },
      admin: { listen: '127.0.0.1:0' },
      mesh: { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false },
      upstreams: [{ host: 'origin.test', endpoints: [origin.url] }],
    }
    await mkdir(dataDir)
    const start = () => spawnNode({ command: COMMAND, dir: temp.path, config })

    await using killed = await start()
    assert.equal(await statusOf(killed), 429)
    // No reply waits for the disk.
    await until(() => holds(index, 'rate-limited'))
    await killed.stop('SIGKILL')
    const asked = origin.requests.length

    await using next = await start()
    assert.equal(await statusOf(next), 429)
    assert.equal(origin.requests.length, asked)
  })
})

async function statusOf({ mirrorUrl }: NodeProcess): Promise<number> {
  const { statusCode, body } = await request(`${mirrorUrl}/v2/app/manifests/v1`)
  await body.dump()
  return statusCode
}

/** Whether the log of a LevelDB has a text in it. */
async function holds(folder: string, text: string): Promise<boolean> {
  const logs = (await readdir(folder)).filter((name) => name.endsWith('.log'))
  const contents = await Promise.all(logs.map((name) => readFile(join(folder, name), 'latin1')))
  return contents.some((content) => content.includes(text))
}
